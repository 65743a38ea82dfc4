# The server as an image. It keeps its games in /saves, unless COSMIC_DATABASE__URL names a database.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /cosmic
COPY . .
RUN cargo build --locked --release --bin cosmic-explorer

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system cosmic && mkdir /saves && chown cosmic /saves
COPY --from=build /cosmic/target/release/cosmic-explorer /usr/local/bin/
USER cosmic
VOLUME /saves
EXPOSE 8080
# The server ends in order on SIGTERM.
CMD ["cosmic-explorer", "--bind", "0.0.0.0:8080", "--saves", "/saves"]
