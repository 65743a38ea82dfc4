//! `Idempotency-Key`: an action that is repeated under its key is answered and not done again, also after a restart.

use serde_json::{Value, json};

use crate::server::{Client, Reply, start, start_in};

fn act(client: &Client, key: &str, action: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", &client.path("/actions"), &headers, Some(action.to_string().as_bytes()))
}

#[test]
fn eight_at_once_and_again_after_a_restart_are_one() {
    let (folder, server) = start();
    let client = server.player(7);
    let wait = json!({"type": "wait"});
    let replies: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| act(&client, "one", &wait))).collect();
        sent.into_iter().map(|reply| reply.join().expect("a reply")).collect()
    });
    let mut answers = Vec::new();
    for reply in replies {
        if reply.status == 200 {
            answers.push(reply.json());
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (409, "KEY_IN_PROGRESS"));
            assert_eq!(reply.header("retry-after"), "1");
        }
    }
    answers.push(act(&client, "one", &wait).json());
    act(&client, "two", &json!({"type": "scan"}));
    let later = act(&client, "one", &wait).json();
    assert_eq!(later["state"], client.look()["state"], "with the state as it is now");
    answers.push(later);
    server.stop();

    let server = start_in(folder.path(), Default::default(), Default::default());
    let client = client.at(&server.url);
    answers.push(act(&client, "one", &wait).json());
    let [first, ..] = answers.as_slice() else { panic!("no answer") };
    assert_eq!(first["revision"], 1);
    for answer in &answers {
        for member in ["revision", "digest"] {
            assert_eq!(answer[member], first[member]);
        }
        for member in ["events", "message", "cost"] {
            assert_eq!(answer["outcome"][member], first["outcome"][member]);
        }
    }
    assert_eq!((client.look()["revision"].clone(), client.history().len()), (json!(2), 2));
}

#[test]
fn a_key_belongs_to_one_action_of_one_session() {
    let (_folder, server) = start();
    let client = server.player(7);
    assert_eq!(act(&client, "key", &json!({"type": "wait"})).status, 200);
    let reused = act(&client, "key", &json!({"type": "scan"}));
    assert_eq!((reused.status, reused.code().as_str()), (422, "KEY_REUSED"));
    assert_eq!(reused.json()["revision"], 1);
    // Before the revision is looked at: what was taken is answered, however old.
    let headers = [("content-type", "application/json"), ("idempotency-key", "key"), ("if-match", "\"0\"")];
    let again = client.send("POST", &client.path("/actions"), &headers, Some(b"{\"type\": \"wait\"}"));
    assert_eq!((again.status, again.json()["revision"].clone()), (200, json!(1)));
    // What was refused was not done, and can be tried again.
    assert_eq!(act(&client, "fight", &json!({"type": "flee"})).code(), "NOT_IN_COMBAT");
    assert_eq!(act(&client, "fight", &json!({"type": "wait"})).status, 200);

    let mut other = client.clone();
    other.begin(json!({"seed": 8}));
    assert_eq!(act(&other, "key", &json!({"type": "wait"})).json()["revision"], 1);
    let mut stranger = server.player(9);
    stranger.session = client.session;
    assert_eq!(act(&stranger, "key", &json!({"type": "wait"})).code(), "SESSION_NOT_FOUND");
}

#[test]
fn keys_are_short_and_the_last_64_are_remembered() {
    let (_folder, server) = start();
    let client = server.player(7);
    for bad in [String::new(), "k".repeat(65), "ke\ty".to_owned()] {
        let reply = client.try_send(
            "POST",
            &client.path("/actions"),
            &[("content-type", "application/json"), ("idempotency-key", &bad)],
            Some(b"{\"type\": \"wait\"}"),
        );
        // The client refuses to send some of them.
        if let Ok(reply) = reply {
            assert_eq!((reply.status, reply.code().as_str()), (400, "BAD_HEADER"), "{bad:?}");
        }
    }
    assert_eq!(client.look()["revision"], 0);
    for number in 0..65 {
        let reply = act(&client, &format!("key {number}"), &json!({"type": "buy_food", "amount": 1}));
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(act(&client, "key 1", &json!({"type": "buy_food", "amount": 1})).json()["revision"], 2);
    assert_eq!(act(&client, "key 0", &json!({"type": "buy_food", "amount": 1})).json()["revision"], 66, "forgotten");
}
