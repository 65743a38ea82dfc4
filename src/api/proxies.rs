//! The address a request or connection comes from: the peer's, or the one a reverse proxy of ours speaks for; and which addresses count
//! as one.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// Reverse proxies that are believed when they say whom they speak for.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Of the configured ones, which are well formed.
    pub fn new(listed: &[String]) -> Self {
        Self(listed.iter().filter_map(|text| network(text)).collect())
    }

    /// Whether an address is one of theirs.
    pub fn has(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    /// Whom a request comes from: the peer, or the last hop before it that is no proxy of ours. What stands before that one, anybody
    /// may have written.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.has(peer) {
            return peer;
        }
        let forwarded = if headers.contains_key("x-forwarded-for") { "x-forwarded-for" } else { "forwarded" };
        let lines: Vec<_> = headers.get_all(forwarded).filter_map(|line| line.to_str().ok()).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut origin = peer;
        for hop in hops {
            let Some(ip) = hop_address(hop) else { break };
            origin = ip;
            if !self.has(ip) {
                break;
            }
        }
        origin
    }
}

/// Whether it can be configured as a proxy: an address, or a network as `10.0.0.0/8`.
pub fn is_proxy(text: &str) -> bool {
    network(text).is_some()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The address in a member of `X-Forwarded-For` or `Forwarded`, which may have a port, brackets, quotes and other parameters.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let named = hop.split(';').find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let text = named.unwrap_or(hop).trim().trim_matches('"');
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// What is counted as one address: an IPv4 address, or the /64 that a household or a machine has of IPv6.
pub fn neighbours(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn neighbours_are_counted_as_one() {
        let of = |ip: &str| neighbours(ip.parse().expect("an address")).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:3:3:4:5:6"), "2001:db8:1:3::");
    }

    #[test]
    fn only_what_our_own_proxies_say_is_believed() {
        let proxies = Proxies::new(&["10.0.0.1".to_owned(), "fd00::/8".to_owned()]);
        let origin = |peer: &str, lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            proxies.origin(ip(peer), &headers).to_string()
        };
        let xff = "x-forwarded-for";
        assert_eq!(origin("192.0.2.9", &[(xff, "198.51.100.7")]), "192.0.2.9", "a stranger is not believed");
        assert_eq!(origin("10.0.0.1", &[(xff, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(origin("::ffff:10.0.0.1", &[(xff, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1, 198.51.100.7, fd00::2")]), "198.51.100.7", "the last stranger");
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1"), (xff, "198.51.100.7")]), "198.51.100.7", "of all lines");
        assert_eq!(origin("10.0.0.1", &[(xff, "198.51.100.7:4711")]), "198.51.100.7");
        assert_eq!(
            origin("10.0.0.1", &[("forwarded", "for=1.1.1.1, for=\"[2001:db8::7]:80\";proto=https")]),
            "2001:db8::7"
        );
        assert_eq!(origin("10.0.0.1", &[(xff, "1.1.1.1"), ("forwarded", "for=2.2.2.2")]), "1.1.1.1", "one of the two");
        for nobody in ["unknown", "", "_hidden", "1.1.1.1, what"] {
            let mut headers = HeaderMap::new();
            headers.append(HeaderName::from_static(xff), HeaderValue::from_static(nobody));
            assert_eq!(proxies.origin(ip("10.0.0.1"), &headers), ip("10.0.0.1"), "{nobody:?}");
        }
    }
}
