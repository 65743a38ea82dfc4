//! The client of `docs/realtime.md`, run as it stands there.

use crate::driver::{Page, run};
use crate::server::Server;

const DROPS: usize = 1000;
/// Between two looks at the page, which may not be silent for longer than its driver waits.
const AT_ONCE: usize = 100;

/// Plays by plain requests, so that the client hears what it has not done itself, and cuts its socket off again and again.
const PLAY: &str = "
    const later = window.setTimeout;
    // What a client waits for, in less time.
    window.setTimeout = (then, wait) => later(then, wait / 500);
    const sockets = [];
    const Real = window.WebSocket;
    window.WebSocket = class extends Real { constructor(...address) { super(...address); sockets.push(this); } };
    const heard = [], wrong = [];
    let state, revision, patches = 0, begun, greeted = 0;
    const hear = (frame) => {
      if (frame.type === 'hello') {
        greeted += 1;
        if (begun === undefined) begun = frame.revision;
        else if (!frame.recovered) wrong.push(`not recovered at ${frame.revision}`);
      }
      if (frame.type === 'turn') heard.push(frame.id);
      if (frame.type === 'closed') wrong.push(`closed with ${frame.code}`);
      if (frame.patch) patches += 1;
      if (frame.state) ({ state, revision } = frame);
    };
    const ask = async (method, path, body) => {
      const response = await fetch(path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return [response.status, await response.json()];
    };
    const game = `/api/sessions/${SESSION}`;
    const pause = (wait) => new Promise((then) => later(then, wait));
    let drops = 0;
    const cut = async (count) => {
      for (const end = drops + count; drops < end; drops += 1) {
        let [status] = await ask('POST', `${game}/actions`, { type: drops % 3 ? 'wait' : 'scan' });
        if (status === 409) [status] = await ask('POST', '/api/slots/1/load', { session_id: SESSION });
        if (status !== 200) wrong.push(`answered with ${status}`);
        // At once, or after some of it has come; now and then again before it is greeted.
        if (drops % 4) await pause(drops % 4);
        const before = greeted;
        sockets.at(-1).close();
        if (drops % 10) while (greeted === before) await pause(1);
      }
    };
    const end = async () => {
      const [, now] = await ask('GET', game);
      while (revision !== now.revision) await pause(5);
      const turns = [];
      for (let after = begun; after !== null; ) {
        const [, page] = await ask('GET', `${game}/turns?after=${after}`);
        turns.push(...page.turns.map((turn) => `${turn.revision}-${turn.digest.slice(0, 8)}`));
        after = page.next_after;
      }
      // The order of members is no part of a state.
      const sorted = (value) => Array.isArray(value) ? value.map(sorted) : value && typeof value === 'object'
        ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value;
      if (JSON.stringify(sorted(state)) !== JSON.stringify(sorted(now.state))) wrong.push('another state');
      if (JSON.stringify(heard) !== JSON.stringify(turns)) wrong.push(`heard ${heard.length} turns, and there are ${turns.length}`);
      return { wrong, turns: turns.length, patches, greeted };
    };
    window.drill = { cut, end };
    (async () => {
      await ask('PUT', '/api/slots/1', { session_id: SESSION });
      connect(location.origin.replace(/^http/, 'ws'), SESSION, undefined, hear);
      while (begun === undefined) await pause(5);
      done(true);
    })();";

#[test]
fn the_client_of_the_document_misses_nothing_through_its_drops() {
    run(async {
        let server = Server::start();
        let mut page = Page::open(&server.url).await;
        page.begin(7).await;
        let session = page.session().await;
        // A page without a game of its own, which would take the connection over.
        page.go("/").await;
        // Nothing can be done before a save is loaded, now and then.
        page.expected.extend(["WebSocket is closed before the connection is established", "status of 409"]);
        let text = std::fs::read_to_string("docs/realtime.md").expect("the document");
        let client = text.split("```js\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a client");
        page.js_async(&format!("const SESSION = '{session}';\n{client}\n{PLAY}")).await;
        for _ in 0..DROPS / AT_ONCE {
            let told = page.js_async(&format!("drill.cut({AT_ONCE}).then(done, (error) => done(`${{error}}`))")).await;
            assert!(told.is_null(), "{told}");
        }
        let told = page.js_async("drill.end().then(done, (error) => done(`${error}`))").await;
        println!("{told}");
        assert_eq!(told["wrong"], serde_json::json!([]));
        assert!(
            told["turns"].as_u64() >= Some(DROPS as u64) && told["greeted"].as_u64() >= Some(DROPS as u64 * 8 / 10),
            "{told}"
        );
        page.close().await;
    });
}
