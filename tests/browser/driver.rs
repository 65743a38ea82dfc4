//! Chromium through its driver: one driver for all tests, a browser with a profile of its own for each.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::{TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::patience::watch_for;

/// The longest a page may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a driver looks for a port. On a machine where other tests have used up all of them, they come free after a minute.
const NO_PORT: Duration = Duration::from_secs(120);

/// A driver's process, and where it listens. It takes a port of IPv4 and wants the same of IPv6, which another one may have; or there
/// is none just now. Then it ends, and another is started.
fn driver() -> (Child, String) {
    let begun = Instant::now();
    loop {
        if let Some(driver) = try_driver() {
            return driver;
        }
        assert!(begun.elapsed() < NO_PORT, "no driver found a port within {NO_PORT:?}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn try_driver() -> Option<(Child, String)> {
    let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
    let mut child = Command::new(&program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}. scripts/test installs what the browser tests need."));
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let port = lines.by_ref().find_map(|line| {
        let line = line.expect("text");
        line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
    });
    let Some(port) = port else {
        child.wait().expect("it has ended");
        return None;
    };
    // It may say more, and must not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some((child, format!("http://127.0.0.1:{port}")))
}

/// A call that only this driver has.
#[derive(Debug)]
struct Vendor(&'static str, Value);

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (ureq::http::Method, Option<String>) {
        (ureq::http::Method::POST, Some(self.1.to_string()))
    }
}

/// A page in a browser of its own.
pub struct Page {
    pub client: Client,
    driver: Child,
    /// The driver's address of this browser.
    session: String,
    pub server: String,
    /// Parts of console errors that this test brings about.
    pub expected: Vec<&'static str>,
    pub downloads: tempfile::TempDir,
}

/// What a console says of a server that is gone.
pub const GONE: [&str; 4] =
    ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket connection to"];

/// Families of letters: those that the page asks for, and the widest that a Debian has where it has none of those. A reader's system decides.
pub const FAMILIES: [Option<(&str, &str)>; 2] = [None, Some(("DejaVu Sans", "DejaVu Serif"))];

pub const WIDE: (u32, u32) = (1440, 900);
pub const NARROW: (u32, u32) = (360, 740);

impl Page {
    /// A browser that has never been here.
    pub async fn open(server: &str) -> Self {
        let binary = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": binary,
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                    "--disable-background-networking", "--force-color-profile=srgb", "--lang=en"],
            },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let (child, url) = driver();
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&url)
            .await
            .expect("a browser");
        let session = client.session_id().await.expect("a session").expect("a session");
        let timeouts = TimeoutConfiguration::new(
            // Some scripts play a whole game, and what is new is looked at before it is answered.
            Some(Duration::from_secs(180)),
            Some(Duration::from_secs(60)),
            Some(Duration::from_secs(0)),
        );
        client.update_timeouts(timeouts).await.expect("timeouts");
        let page = Self {
            client,
            driver: child,
            session: format!("{url}/session/{session}"),
            server: server.to_owned(),
            expected: Vec::new(),
            downloads: tempfile::tempdir().expect("a folder"),
        };
        page.size(WIDE).await;
        let folder = page.downloads.path().to_str().expect("a path");
        page.devtools("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": folder})).await;
        page
    }

    /// Runs a test with a page, and looks at the console when it is through.
    pub async fn close(self) {
        let errors = self.errors().await;
        assert!(errors.is_empty(), "the console says: {errors:#?}");
    }

    pub async fn errors(&self) -> Vec<String> {
        let lines = self.client.issue_cmd(Vendor("se/log", json!({"type": "browser"}))).await.expect("a log");
        let lines = lines.as_array().cloned().unwrap_or_default();
        let bad = lines.iter().filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING");
        let texts = bad.map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        texts.filter(|text| !self.expected.iter().any(|known| text.contains(known))).collect()
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let call = json!({"cmd": command, "params": parameters});
        self.client
            .issue_cmd(Vendor("goog/cdp/execute", call))
            .await
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    pub async fn size(&self, (width, height): (u32, u32)) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Cuts the network, or mends it.
    pub async fn cut(&self, cut: bool) {
        self.devtools("Network.enable", json!({})).await;
        let none = json!({"offline": cut, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.emulateNetworkConditions", none).await;
    }

    /// Goes to an address of the server's.
    pub async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.server)).await.expect("the page");
    }

    pub async fn js(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a script that says when it is done by a call of `done`.
    pub async fn js_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.client.execute_async(&script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub async fn has(&self, css: &str) -> bool {
        self.js(&format!("return document.querySelector({}) !== null", json!(css))).await == true
    }

    pub async fn text(&self, css: &str) -> String {
        let text = self.js(&format!("return document.querySelector({})?.textContent ?? ''", json!(css))).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script answers with true.
    pub async fn until(&self, what: &str, script: &str) {
        let begun = Instant::now();
        while self.js(script).await != true {
            if begun.elapsed() > PATIENCE {
                self.shot("failure").await;
                let text = self.js("return document.body.innerText.slice(0, 1500)").await;
                panic!("{what} did not come in {PATIENCE:?}; the page says: {text}");
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    pub async fn wait(&self, css: &str) {
        self.until(css, &format!("return document.querySelector({}) !== null", json!(css))).await;
    }

    pub async fn gone(&self, css: &str) {
        self.until(&format!("the end of {css}"), &format!("return document.querySelector({}) === null", json!(css)))
            .await;
    }

    pub async fn wait_text(&self, css: &str, text: &str) {
        let script =
            format!("return (document.querySelector({})?.textContent ?? '').includes({})", json!(css), json!(text));
        self.until(&format!("{text:?} in {css}"), &script).await;
    }

    /// Clicks as a hand does: on what is there to be seen.
    pub async fn click(&self, css: &str) {
        self.wait(css).await;
        let element = self.client.find(Locator::Css(css)).await.expect(css);
        element.click().await.unwrap_or_else(|error| panic!("a click on {css}: {error}"));
    }

    /// Clicks the first such element with a text.
    pub async fn click_text(&self, css: &str, text: &str) {
        let found = format!(
            "const el = [...document.querySelectorAll({})].find((el) => el.textContent.includes({}));
             if (el) {{ el.scrollIntoView({{block: 'center'}}); el.click() }} return el !== undefined",
            json!(css),
            json!(text)
        );
        self.until(&format!("{text:?} among {css}"), &found).await;
    }

    pub async fn keys(&self, keys: &[char]) {
        let mut actions = KeyActions::new("keyboard".into());
        for key in keys {
            actions = actions.then(KeyAction::Down { value: *key }).then(KeyAction::Up { value: *key });
        }
        self.client.perform_actions(actions).await.expect("keys");
    }

    /// A picture of the page for people, in `target/screenshots`.
    pub async fn shot(&self, name: &str) {
        let folder = screenshots();
        std::fs::create_dir_all(&folder).expect("a folder");
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// What axe finds wrong with the page as it is.
    pub async fn violations(&self) -> Vec<String> {
        if self.js("return window.axe === undefined").await == true {
            self.js(&axe()).await;
        }
        let script = "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => \
            done(violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.slice(0, 3).map(({html, any}) => \
            html.slice(0, 160) + ' ' + any.map(({message}) => message).join(' ').slice(0, 200)).join(' | ')}`)), (error) => done([String(error)]))";
        let found = self.js_async(script).await;
        found.as_array().expect("a list").iter().map(|each| each.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What sticks out of the page to the right, or is too small for a finger.
    pub async fn misfits(&self) -> Vec<String> {
        let script = "
            const wide = document.documentElement.clientWidth;
            const seen = (el) => !el.closest('.unseen, svg, dialog:not([open])') && el.getClientRects().length > 0;
            const all = [...document.querySelectorAll('#app *')].filter(seen);
            const out = all.filter((el) => el.getBoundingClientRect().right > wide + 1).map((el) => `sticks out: ${el.outerHTML.slice(0, 120)}`);
            const small = all.filter((el) => el.matches('button, a, summary, select') && el.getBoundingClientRect().height < 43.5)
              .map((el) => `too small: ${el.getBoundingClientRect().height} ${el.outerHTML.slice(0, 120)}`);
            if (document.documentElement.scrollWidth > wide) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
            return [...out, ...small].slice(0, 5)";
        let found = self.js(script).await;
        found.as_array().expect("a list").iter().map(|each| each.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Sets the families of letters, as a reader's system would.
    pub async fn family(&self, family: Option<(&str, &str)>) {
        let Some((sans, serif)) = family else { return };
        self.js(&format!(
            "for (const [name, value] of [['--sans', {}], ['--serif', {}]]) document.documentElement.style.setProperty(name, value)",
            json!(sans),
            json!(serif)
        ))
        .await;
    }

    // The game ---------------------------------------------------------------------------------------------------------------

    /// From the start page into a new game of a seed.
    pub async fn begin(&self, seed: u64) {
        self.go("/").await;
        self.click("a.way[href='#/new']").await;
        self.click(".new-game summary").await;
        self.client
            .find(Locator::Css("input[name=seed]"))
            .await
            .expect("a field")
            .send_keys(&seed.to_string())
            .await
            .expect("text");
        self.click(".new-game button[type=submit]").await;
        self.settled().await;
        self.wait(".link-mark.live").await;
    }

    /// Until the page shows what can be done now.
    pub async fn settled(&self) {
        self.wait(".game[data-settled]").await;
    }

    pub async fn revision(&self) -> u64 {
        self.js("return Number(document.querySelector('.game').dataset.revision)").await.as_u64().expect("a number")
    }

    /// Clicks the first thing that can be done of a kind, and waits for what comes of it.
    pub async fn act(&self, css: &str) {
        self.settled().await;
        let before = self.revision().await;
        self.click(&format!(".act{css}:not([aria-disabled])")).await;
        // What can end the voyage is asked first; this hand is sure.
        self.until("the next revision", &format!("document.querySelector('dialog .row .button.danger')?.click(); const game = document.querySelector('.game'); return game?.dataset.settled === 'yes' && Number(game.dataset.revision) > {before}")).await;
    }

    /// Plays by script until something is on the page: answers, fights, travels where it has not been, else waits.
    pub async fn play_until(&self, css: &str) {
        let script = format!(
            "const deadline = Date.now() + 170000;
             const can = (css) => [...document.querySelectorAll(css)].filter((el) => !el.getAttribute('aria-disabled'));
             const fresh = (list) => list.find((el) => /not visited|Nothing known/.test(el.textContent)) ?? list[(7 * (revision + 1)) % list.length];
             let revision = -1;
             const step = () => {{
               if (document.querySelector({css})) return done(true);
               if (Date.now() > deadline) return done(false);
               // What can end the voyage is asked first; this hand is sure.
               document.querySelector('dialog .row .button.danger')?.click();
               const game = document.querySelector('.game[data-settled]');
               const seen = Number(game?.dataset.revision);
               if (!game || seen === revision) return setTimeout(step, 15);
               const next = can('.event .act').at(-1) ?? can('.fight .act[data-action=combat]')[0] ?? can('.place .act[data-action=refuel]')[0] ?? can('.place .act[data-action=repair]')[0]
                 ?? fresh(can('.place .act[data-action=navigate]')) ?? can('.place .act[data-action=jump]')[0] ?? can('.place .act[data-action=wait]')[0];
               if (!next) return setTimeout(step, 15);
               revision = seen;
               next.click();
               setTimeout(step, 15);
             }};
             step()",
            css = json!(css)
        );
        let reached = self.js_async(&script).await;
        if reached != true {
            self.shot("failure").await;
            panic!("{css} did not come");
        }
        self.settled().await;
    }

    pub async fn session(&self) -> String {
        let hash = self.js("return location.hash").await;
        hash.as_str().and_then(|hash| hash.split('/').nth(2)).expect("a game's address").to_owned()
    }

    /// The player's token. Only the driver can read it: scripts cannot.
    pub async fn token(&self) -> String {
        assert!(!self.js("return document.cookie").await.to_string().contains("cosmic"), "scripts see the token");
        self.cookie().await.value().to_owned()
    }

    /// The cookie that carries it. Each server has a name of its own for it.
    pub async fn cookie(&self) -> fantoccini::cookies::Cookie<'static> {
        let cookies = self.client.get_all_cookies().await.expect("the cookies");
        cookies.into_iter().find(|cookie| cookie.name().starts_with("cosmic_")).expect("the cookie")
    }

    pub async fn view(&self, name: &str) {
        let session = self.session().await;
        self.js(&format!("location.hash = '#/play/{session}/{name}'")).await;
        self.until(name, &format!("return document.querySelector('.game')?.dataset.tab === {}", json!(name))).await;
        self.settled().await;
    }
}

/// Also where a test fails: no browser is left behind.
impl Drop for Page {
    fn drop(&mut self) {
        // What is gone already cannot be ended again.
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
        let _ = agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A runtime for a test.
pub fn run(test: impl Future<Output = ()>) {
    // Some look at every view, wide and narrow, beside others on the same machine.
    watch_for(Duration::from_secs(900));
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio").block_on(test);
}

pub fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots")
}

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}. scripts/test fetches it.", path.display()))
}
