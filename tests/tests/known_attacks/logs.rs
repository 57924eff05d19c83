//! Secrets in logs (RUSTSEC-2023-0125, CVE-2021-34532).

use auth_core::{Password, RequestFacts, Secret};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use integration_tests::client::{Client, everywhere};
use integration_tests::faults::Mode;
use integration_tests::logs::Captured;
use integration_tests::site::Request;
use integration_tests::world::{Setup, World};

const RIGHT: &str = "canary&right/7f3a91";
const WRONG: &str = "canary&wrong/c0ffee";
const NEW: &str = "canary&new/5eed42";
const STAMP: &str = "canary&stamp/99aabb";

fn hex(text: &str) -> String {
    let digits: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The forms in which a secret may slip out.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        hex(secret),
        hex(secret).to_uppercase(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned(),
    ];
    // Base64 of a text in which the secret stands at any offset: what does not depend on its neighbours.
    for offset in 0..3 {
        let text = format!("{}{secret}", "\0".repeat(offset));
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&text);
            forms.push(encoded[4..encoded.len() - 2].to_owned());
        }
    }
    forms
}

fn assert_clean(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        for form in forms(secret) {
            assert!(!text.contains(&form), "{what} shows {secret} as {form}: {text}");
        }
    }
}

/// A visit in which everything happens: logins good and bad, Basic, outages, panics, a rotation, a logout.
async fn visit(client: &mut Client<'_>) -> Vec<String> {
    let world = client.world;
    let mut alice = integration_tests::accounts::Account::new(1, "alice");
    alice.stamp = STAMP.as_bytes().to_vec();
    world.users.users.insert("alice", &Secret::new(RIGHT), alice).await.unwrap();
    let mut tokens = vec![client.login("alice", RIGHT).await];
    client.post("/login", &[("username", "alice"), ("password", WRONG)]).await;
    client.bare(Request::get("/me").basic("alice", RIGHT)).await;
    client.bare(Request::get("/me").basic("alice", WRONG)).await;
    client.bare(Request::get("/me").with("authorization", format!("Bearer {WRONG}"))).await;
    client.bare(Request::get("/me").cookie(WRONG)).await;
    client.bare(Request::get("/me").cookie(&tokens[0]).cookie(WRONG)).await;
    client.post("/act/rotate", &[]).await;
    tokens.push(client.jar.token().unwrap().to_owned());
    client.post("/act/set", &[("name", "secret"), ("value", NEW)]).await;
    for mode in [Mode::Fails, Mode::Panics] {
        for switch in [&world.store.reads, &world.store.writes, &world.users.judging, &world.users.loading] {
            switch.set(mode);
            client.get("/me").await;
            client.bare(Request::get("/me").basic("alice", WRONG)).await;
            client.another().post("/login", &[("username", "alice"), ("password", RIGHT)]).await;
            switch.set(Mode::Works);
        }
    }
    client.post("/act/password", &[("new", NEW)]).await;
    tokens.push(client.jar.token().unwrap().to_owned());
    client.post("/logout", &[]).await;
    tokens
}

/// The whole of it at the most talkative level, in every form.
#[tokio::test]
async fn no_secret_is_logged() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let setup = Setup::default()
        .configure(|auth| auth.login_page("/login").observer(auth_core::event::TracingObserver));
    everywhere(setup, async |mut client| {
        let mut secrets = visit(&mut client).await;
        secrets.extend([RIGHT, WRONG, NEW, STAMP, "the tests' secret"].map(str::to_owned));
        let text = captured.text();
        assert!(text.contains("login succeeded") && text.contains("WrongSecret"), "something is logged");
        assert_clean("the log", &text, &secrets);
        assert_clean("Debug", &shown(client.world).await, &secrets);
    })
    .await;
    drop(guard);
}

/// What an application may print.
async fn shown(world: &World) -> String {
    let credentials = Password::new("alice", RIGHT);
    let done = world.auth.authenticate(Password::new("alice", NEW), &RequestFacts::none()).await;
    let denied = world.auth.authenticate(credentials.clone(), &RequestFacts::none()).await;
    let hash = world.passwords.hash(&Secret::new(NEW)).await.unwrap();
    let keys = integration_tests::world::keys();
    let session = integration_tests::bare::session(&world.auth);
    let error = session.rotate().await.unwrap_err();
    format!(
        "{:?} {credentials:?} {done:?} {denied:?} {hash:?} {keys:?} {session:?} {error:?} {error} {:?} {:?}",
        world.auth,
        world.passwords,
        world.events.all(),
    )
}

/// What a client calls itself cannot write lines of its own, or fill the log.
#[tokio::test]
async fn a_clients_text_is_cleaned_and_cut() {
    let names =
        ["a\r\nlogin succeeded", "\u{1b}[31mred", "a\u{2028}b\u{2029}c", "nul\u{0}", &"x".repeat(1_000_000)];
    everywhere(Setup::default(), async |mut client| {
        for name in names {
            client.world.events.take();
            client.post("/login", &[("username", name), ("password", "x")]).await;
            let events = client.world.events.take();
            assert_eq!(events.len(), 1, "{events:?}");
            assert!(
                !events[0].contains(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c)),
                "{events:?}"
            );
            assert!(events[0].len() < 600, "{}", events[0].len());
        }
    })
    .await;
}
