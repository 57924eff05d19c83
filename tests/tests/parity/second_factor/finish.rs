//! Logins that are begun, and finished or not.

use integration_tests::client::everywhere;
use integration_tests::faults::Mode;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, Setup};

use super::{
    MINUTE, act, begin, get, if_enrolled, pending, required, send_code, setup, sign_in, sign_in_with_code,
};
use auth_core::second_factor::{Enrolled, Needs};
use integration_tests::accounts::Account;

/// Neither a row nor a cookie before a right first proof.
#[tokio::test]
async fn a_refused_login_begins_nothing() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        for attempt in 0..2_500 {
            let answer =
                client.probe(Request::post("/login", &[("username", "alice"), ("password", "wrong")])).await;
            assert_eq!((answer.status, answer.all("set-cookie").len()), (401, 0), "{attempt}");
        }
        let code = client.world.code();
        let answer = client.post("/act/code", &[("code", &code)]).await;
        assert_eq!((answer.status, answer.all("set-cookie").len()), (401, 0), "a code is no first proof");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_factor_finishes_a_login_under_a_new_id() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        client.world.events.take();
        begin(&mut client).await;
        let begun = client.jar.token().unwrap().to_owned();
        assert_eq!(pending(&mut client).await, "alice [SecondFactor] {Totp}");
        assert_eq!(client.who().await, "anonymous");
        let code = client.world.next_code();
        let answer = send_code(&mut client, &code).await;
        assert_eq!((answer.status, answer.one("location")), (303, "/me?x=1"));
        assert_eq!((client.who().await.as_str(), pending(&mut client).await.as_str()), ("alice", "none"));
        let old = client.probe(get("/act/pending").cookie(&begun)).await;
        assert_eq!(old.body, "none", "the old id is dead");
        assert_eq!(client.get("/act/grant").await.body, "Session [Password, Totp] Scopes(all) None");
        assert_eq!(client.get("/act/list").await.body, "1 1");
        let told = [
            "login succeeded: password of \"alice\" by local of 1",
            "a login is pending by local of 1",
            "session rotated by local of 1",
            "session started by local of 1",
            "proof added: Totp by local of 1",
        ];
        assert_eq!(client.world.events.take(), told);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_good_once_and_a_wrong_one_never() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let used = client.world.code();
        let mut other = client.another();
        begin(&mut other).await;
        for code in [&*used, "000000", "", "12345", "abcdef", "1234-5678"] {
            let answer = send_code(&mut other, code).await;
            assert_eq!(answer.status, 401, "{code}: {answer:?}");
        }
        assert_eq!(other.who().await, "anonymous");
        let code = client.world.next_code();
        assert_eq!(send_code(&mut other, &code).await.status, 303);
        assert_eq!(other.who().await, "alice");
    })
    .await;
}

#[tokio::test]
async fn a_login_that_nobody_finishes_ends_after_ten_minutes() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        client.world.clock.advance(MINUTE * 9);
        assert_eq!(
            pending(&mut client).await,
            "alice [SecondFactor] {Totp}",
            "no request makes it last longer"
        );
        client.world.clock.advance(MINUTE);
        assert_eq!(pending(&mut client).await, "none");
        let code = client.world.code();
        let late = send_code(&mut client, &code).await;
        assert_eq!(late.status, 401, "{late:?}");
        begin(&mut client).await;
        assert_eq!(send_code(&mut client, &code).await.status, 303, "the code was not used up in vain");
    })
    .await;
}

#[tokio::test]
async fn a_pending_login_can_be_left_and_begun_again() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        act(&mut client, "logout", &[]).await;
        assert_eq!((pending(&mut client).await.as_str(), client.jar.token()), ("none", None));
        assert!(client.world.store.sessions.is_empty(), "its record is gone");
        begin(&mut client).await;
        begin(&mut client).await;
        assert_eq!(client.world.store.sessions.len(), 1, "one goes on in the other's place");
        assert_eq!(sign_in(&mut client, "bob", BOB).await.one("location"), "/me?x=1");
        assert_eq!((client.who().await.as_str(), client.world.store.sessions.len()), ("bob", 1));
        begin(&mut client).await;
        assert_eq!((client.who().await.as_str(), client.world.store.sessions.len()), ("anonymous", 1));
    })
    .await;
}

/// A proof of somebody else's changes nothing, neither of a session nor of a login that waits.
#[tokio::test]
async fn another_users_proof_is_refused_and_no_switch() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        let bob = [("username", "bob"), ("password", BOB)];
        assert_eq!(act(&mut client, "add", &bob).await.status, 403);
        assert_eq!(pending(&mut client).await, "alice [SecondFactor] {Totp}");
        let code = client.world.next_code();
        send_code(&mut client, &code).await;
        assert_eq!(act(&mut client, "add", &bob).await.status, 403);
        assert_eq!(client.who().await, "alice");
        // The same id, and no proof of anything.
        let unjudged = act(&mut client, "add-unjudged", &[("id", "2"), ("username", "bob")]).await;
        assert_eq!(unjudged.status, 403, "{unjudged:?}");
        client.world.clock.advance(MINUTE * 2);
        assert_eq!(client.get("/fresh").await.status, 401);
        let alice = [("username", "alice"), ("password", ALICE), ("next", "/fresh")];
        assert_eq!(act(&mut client, "add", &alice).await.one("location"), "/fresh");
        assert_eq!(client.get("/fresh").await.status, 200, "her own makes it fresh");
        assert_eq!(client.get("/fresh-code").await.status, 401, "but not the code");
        assert_eq!(
            act(&mut client.another(), "add", &alice).await.status,
            401,
            "to nobody's nothing is added"
        );
    })
    .await;
}

/// A password that somebody else chose, and terms.
fn strict(user: &Account, enrolled: Enrolled) -> Needs {
    let needs = Needs::second_factor_if(enrolled);
    needs
        .and_new_password_if(user.stamp == b"stamp of alice")
        .and_action_if("terms", user.permissions.is_empty())
}

#[tokio::test]
async fn what_else_is_required_comes_in_its_order() {
    everywhere(Setup::default().second_factor(strict), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        assert_eq!(pending(&mut client).await, "alice [SecondFactor, NewPassword] {Totp}");
        let early = act(&mut client, "password", &[("new", "looking glass")]).await;
        assert_eq!(early.status, 401, "nobody changes a password without the factor: {early:?}");
    })
    .await;
    everywhere(Setup::default().second_factor(strict), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        let code = client.world.next_code();
        let answer = send_code(&mut client, &code).await;
        assert_eq!(answer.one("location"), "/login/factor?next=/me%3Fx%3D1", "something is still missing");
        assert_eq!(
            (pending(&mut client).await.as_str(), &*client.who().await),
            ("alice [NewPassword] {Totp}", "anonymous")
        );
        act(&mut client, "password", &[("new", "looking glass")]).await;
        assert_eq!((pending(&mut client).await.as_str(), &*client.who().await), ("none", "alice"));
        // Carol has to accept the terms.
        let mut carol = client.another();
        sign_in(&mut carol, "carol", "sandiego").await;
        assert_eq!(pending(&mut carol).await, "carol [Action(\"terms\")] {}");
        assert_eq!(
            act(&mut carol, "finish", &[("next", "/me")]).await.one("location"),
            "/login/factor?next=/me"
        );
        let accepted = Account::new(3, "carol").may(&["accepted"]);
        client.world.users.users.insert_without_password("carol", accepted);
        assert_eq!(carol.who().await, "anonymous", "nobody yet");
        assert_eq!(act(&mut carol, "finish", &[("next", "/me")]).await.one("location"), "/me");
        assert_eq!(carol.who().await, "carol");
    })
    .await;
}

/// A policy that asks for more finds sessions as they are.
#[tokio::test]
async fn a_changed_policy_is_asked_about_sessions_that_there_are() {
    everywhere(Setup::default(), async |mut client| {
        sign_in(&mut client, "bob", BOB).await;
        client.get("/act/set?name=cart&value=3").await;
        for (policy, who, waits) in [
            (if_enrolled as fn(&Account, Enrolled) -> Needs, "bob", "none"),
            (required, "anonymous", "bob [Enrolment] {}"),
        ] {
            let world = Setup::default().second_factor(policy).restarted(client.world);
            integration_tests::client::on_tower(&world, async |mut again| {
                again.jar = client.jar.clone();
                assert_eq!((again.who().await.as_str(), &*pending(&mut again).await), (who, waits));
            })
            .await;
        }
        assert_eq!(
            (client.who().await.as_str(), &*client.value("cart").await),
            ("bob", "3"),
            "nothing is lost by it"
        );
    })
    .await;
}

/// Who must have a factor and has none enrols it before they are anybody.
#[tokio::test]
async fn a_factor_is_enrolled_on_the_way_in() {
    everywhere(Setup::default().second_factor(required), async |mut client| {
        let answer = sign_in(&mut client, "bob", BOB).await;
        assert_eq!(answer.one("location"), "/login/factor?next=/me%3Fx%3D1");
        assert_eq!(pending(&mut client).await, "bob [Enrolment] {}");
        let enrolment = act(&mut client, "enrol", &[("name", "phone")]).await.body;
        let (id, secret) = enrolment.split_once(' ').expect("an id and a secret");
        assert_eq!(
            pending(&mut client).await,
            "bob [Enrolment] {}",
            "it does not count before it is confirmed"
        );
        let app: auth_core::factors::Totp = secret.parse().unwrap();
        let code = app.code(auth_core::time::Clock::now(&*client.world.clock));
        assert_eq!(act(&mut client, "confirm", &[("id", id), ("code", "000000")]).await.status, 401);
        let confirmed = act(&mut client, "confirm", &[("id", id), ("code", code.expose())]).await;
        assert_eq!((confirmed.status, client.who().await.as_str()), (303, "bob"), "{confirmed:?}");
        let mut other = client.another();
        sign_in(&mut other, "bob", BOB).await;
        assert_eq!(
            send_code(&mut other, code.expose()).await.status,
            401,
            "the code of the enrolment is used"
        );
        assert_eq!(
            act(&mut other, "enrol", &[("name", "mine")]).await.status,
            401,
            "who has a factor enrols none without it"
        );
    })
    .await;
}

/// An outage is no "no factor", and no wrong code.
#[tokio::test]
async fn nothing_is_guessed_while_the_factors_are_down() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        let factors = || client.world.factors.as_ref().unwrap().store();
        for mode in [Mode::Fails, Mode::Panics] {
            factors().mode.set(mode);
            let answer = sign_in(&mut client, "alice", ALICE).await;
            assert_eq!((answer.status, answer.all("set-cookie").len()), (503, 0), "{mode:?}: {answer:?}");
            assert!(client.world.store.sessions.is_empty(), "{mode:?}");
            let basic = client.bare(get("/me").basic("alice", ALICE)).await;
            assert_eq!((basic.status, basic.one("retry-after")), (503, "5"), "{mode:?}");
            factors().mode.set(Mode::Works);
        }
        begin(&mut client).await;
        let code = client.world.next_code();
        factors().mode.set(Mode::Fails);
        for _ in 0..10 {
            assert_eq!(send_code(&mut client, &code).await.status, 503);
        }
        assert_eq!(
            pending(&mut client).await,
            "alice [SecondFactor] {Totp}",
            "requests ask no store of factors"
        );
        factors().mode.set(Mode::Works);
        assert_eq!(send_code(&mut client, &code).await.status, 303, "no fault was counted");
    })
    .await;
}
