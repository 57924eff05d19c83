//! Every way in: the policy judges proofs, not roads.

use std::net::{IpAddr, Ipv4Addr};

use auth_core::remote_user::RemoteUserHeader;
use integration_tests::client::everywhere;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, Setup};

use super::{act, begin, get, pending, required, setup, sign_in, sign_in_with_code};

fn is_insufficient(answer: &Answer) -> bool {
    let challenges = answer.all("www-authenticate");
    answer.status == 401
        && challenges.iter().all(|text| text.contains("error=\"insufficient_user_authentication\""))
}

/// Judged, and remembered; also where the factor is enrolled while the password is remembered.
#[tokio::test]
async fn a_password_of_one_request_is_not_enough() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        for route in ["/who", "/me", "/private"] {
            let alice = client.bare(get(route).basic("alice", ALICE)).await;
            assert!(is_insufficient(&alice), "{route}: {alice:?}");
            assert_eq!(alice.all("set-cookie").len(), 0);
        }
        client.world.events.take();
        let again = client.bare(get("/me").basic("alice", ALICE)).await;
        assert!(is_insufficient(&again) && client.world.events.take().is_empty(), "it is remembered so");
        let wrong = client.bare(get("/me").basic("alice", "wrong")).await;
        assert!(
            wrong.status == 401 && !is_insufficient(&wrong),
            "a wrong password learns nothing: {wrong:?}"
        );
        let grpc = get("/me").basic("alice", ALICE).with("content-type", "application/grpc");
        let grpc = client.bare(Request { method: "POST".into(), ..grpc }).await;
        assert_eq!((grpc.status, grpc.one("grpc-status")), (200, "16"));
        // Bob has no factor, until he enrols one in a session.
        let bob = || get("/me").basic("bob", BOB);
        assert_eq!(client.bare(bob()).await.status, 200);
        super::routes::enrol_elsewhere(&mut client).await;
        let later = client.bare(bob()).await;
        assert!(is_insufficient(&later), "what is remembered is judged again: {later:?}");
        // Beside a session that is enough, credentials that are not stay so.
        sign_in_with_code(&mut client).await;
        assert_eq!(client.who().await, "alice");
        let both = client.send(get("/me").basic("alice", ALICE)).await;
        assert!(is_insufficient(&both), "{both:?}");
    })
    .await;
}

/// A key is as good as the session that made it.
#[tokio::test]
async fn keys_carry_the_proofs_of_who_made_them() {
    everywhere(setup().api_keys(), async |mut client| {
        client.world.enrol(1).await;
        let bearer = |key: &str| get("/me").with("authorization", format!("Bearer {key}"));
        begin(&mut client).await;
        let script = [("name", "script"), ("scopes", "members")];
        assert_eq!(act(&mut client, "make-key", &script).await.status, 401, "a pending login makes none");
        let code = client.world.next_code();
        super::send_code(&mut client, &code).await;
        let made = act(&mut client, "make-key", &script).await.body;
        let (_, strong) = made.split_once(' ').expect("an id and a key");
        assert_eq!(client.bare(bearer(strong)).await.body, "1 alice");
        let mut bob = client.another();
        sign_in(&mut bob, "bob", BOB).await;
        let made = act(&mut bob, "make-key", &script).await.body;
        let (_, weak) = made.split_once(' ').expect("an id and a key");
        assert_eq!(client.bare(bearer(weak)).await.body, "2 bob", "he had no factor when he made it");
        // The policy asks for more.
        let keys = client.world.keys.clone().unwrap();
        let configure = move |auth: auth_core::AuthBuilder<_>| {
            let bearer = auth_core::http::Bearer::new("tests").unwrap().allow_cleartext();
            auth.login_page("/login").backend::<auth_core::BearerToken>("keys", keys.clone()).scheme(bearer)
        };
        let world = Setup::default().second_factor(required).configure(configure).restarted(client.world);
        let (weak, strong) = (weak.to_owned(), strong.to_owned());
        integration_tests::client::on_tower(&world, async |again| {
            assert!(is_insufficient(&again.bare(bearer(&weak)).await), "one factor is not enough any more");
            assert_eq!(again.bare(bearer(&strong)).await.body, "1 alice");
            let shown = client.world.keys.as_ref().unwrap();
            let new = auth_core::api_keys::NewApiKey::new("of an administrator's making").unwrap();
            let made = shown.create_for("local", &auth_core::UserId::from(2), new).await.unwrap();
            let answer = again.bare(bearer(made.key().expose())).await;
            assert_eq!(answer.body, "2 bob", "the application vouches for its own");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_proxys_word_is_one_factor() {
    const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    let header =
        RemoteUserHeader::new("X-Remote-User").and_then(|header| header.trusted_peer("10.0.0.7")).unwrap();
    everywhere(Setup::default().remote_user(header).second_factor(required), async |mut client| {
        let named = |target: &str| get(target).from(PROXY).with("x-remote-user", "bob");
        assert_eq!(client.send(named("/who")).await.body, "anonymous");
        let token = client.jar.token().expect("a login that waits").to_owned();
        assert_eq!(client.send(named("/act/pending")).await.body, "bob [Enrolment] {}");
        assert_eq!((client.jar.token(), client.world.store.sessions.len()), (Some(&*token), 1), "it goes on");
        assert_eq!(
            client.send(named("/private").navigating()).await.one("location"),
            "/login/factor?next=/private"
        );
        let alice = client.send(get("/who").from(PROXY).with("x-remote-user", "alice")).await;
        assert_eq!(alice.body, "anonymous");
        let waits = client.send(get("/act/pending").from(PROXY).with("x-remote-user", "alice")).await;
        assert_eq!(
            (&*waits.body, client.world.store.sessions.len()),
            ("alice [Enrolment] {}", 1),
            "nobody goes on as another"
        );
    })
    .await;
}

/// Every kind of token in every slot: each opens its own and nothing else.
#[tokio::test]
async fn no_token_passes_for_another() {
    everywhere(setup().api_keys(), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let full = client.jar.token().unwrap().to_owned();
        act(&mut client, "trust", &[("name", "browser")]).await;
        let sealed = client.jar.line().unwrap();
        let sealed = sealed.split("; ").find_map(|pair| pair.strip_prefix("__Host-auth-core-trusted-"));
        let trusted = sealed.unwrap().split_once('=').unwrap().1.to_owned();
        let made = act(&mut client, "make-key", &[("name", "script"), ("scopes", "")]).await.body;
        let key = made.split_once(' ').unwrap().1.to_owned();
        let mut other = client.another();
        begin(&mut other).await;
        let begun = other.jar.token().unwrap().to_owned();
        let code = client.world.next_code();
        let tokens =
            [("session", &full), ("pending", &begun), ("key", &key), ("code", &code), ("trusted", &trusted)];
        for (kind, token) in tokens {
            let slots = [
                ("session", get("/who").cookie(token)),
                ("key", get("/who").with("authorization", format!("Bearer {token}"))),
                ("key", get("/who").with("x-api-key", token)),
                ("password", get("/who").basic("alice", token)),
                ("name", get("/who").basic(token, ALICE)),
            ];
            for (slot, request) in slots {
                let answer = client.probe(request).await;
                let is_known = answer.status == 200 && answer.body == "alice";
                assert_eq!(is_known, kind == slot, "a {kind} as a {slot}: {answer:?}");
            }
            // As a code, and as the other of the two ids.
            let mut at_code = client.another();
            begin(&mut at_code).await;
            let answer = super::send_code(&mut at_code, token).await;
            assert_eq!(answer.status == 303, kind == "code", "a {kind} as a code: {answer:?}");
        }
        let waits = client.probe(get("/act/pending").cookie(&full)).await;
        assert_eq!(waits.body, "none", "a session is no login that waits");
        assert_eq!(pending(&mut other).await, "alice [SecondFactor] {Totp}");
    })
    .await;
}
