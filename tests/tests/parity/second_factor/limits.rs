//! How many logins may wait, and how many codes are compared.

use std::collections::BTreeMap;

use integration_tests::client::{Client, everywhere, over};
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup, World, owner};
use tokio::task::JoinSet;

use super::{MINUTE, begin, if_enrolled, pending, send_code, setup, sign_in, sign_in_with_code};

/// Whoever knows the password alone pushes out nobody who knows more.
#[tokio::test]
async fn logins_that_wait_count_for_no_limit_of_sessions() {
    everywhere(setup().sessions(|config| config.max_per_user(2)), async |mut client| {
        client.world.enrol(1).await;
        sign_in_with_code(&mut client).await;
        let mut second = client.another();
        sign_in_with_code(&mut second).await;
        let mut first_of_many = client.another();
        begin(&mut first_of_many).await;
        for _ in 0..20 {
            client.world.clock.advance(MINUTE / 60);
            begin(&mut client.another()).await;
        }
        assert_eq!(client.world.store.sessions.len(), 2 + 5, "five wait at most");
        assert_eq!(pending(&mut first_of_many).await, "none", "the oldest gave way");
        assert_eq!((client.who().await.as_str(), &*second.who().await), ("alice", "alice"));
        assert_eq!(client.get("/act/list").await.body, "2 1", "none of them is shown");
        client.world.clock.advance(MINUTE * 2);
        assert_eq!(second.who().await, "alice");
        let mut third = client.another();
        sign_in_with_code(&mut third).await;
        let left = (client.who().await, second.who().await, third.who().await);
        assert_eq!(
            left,
            ("anonymous".into(), "alice".into(), "alice".into()),
            "the one that was longest not used"
        );
    })
    .await;
}

/// However many logins wait, on however many instances: five codes are compared, and then one each 30 s and longer.
#[tokio::test]
async fn ten_thousand_logins_are_not_fifty_thousand_guesses() {
    let world = setup().world().await;
    world.enrol(1).await;
    let other = Setup::default().second_factor(if_enrolled).restarted(&world);
    let sites = [Tower::new(&world), Tower::new(&other)];
    let tally: std::cell::RefCell<BTreeMap<u16, u32>> = std::cell::RefCell::default();
    for round in 0..10_000 {
        over(&world, &sites[round % 2], &async |mut client: Client<'_>| {
            begin(&mut client).await;
            for site in [0, 1, 0, 1, 1] {
                let at = (site + round) % 2;
                let jar = client.jar.clone();
                let code = format!("{:06}", (round * 5 + site) % 1_000_000);
                let answer = sites[at]
                    .send(Request::post("/act/code", &[("code", &code)]).with("cookie", jar.line().unwrap()))
                    .await;
                assert!(answer.status == 401 || !answer.one("retry-after").is_empty(), "{answer:?}");
                *tally.borrow_mut().entry(answer.status).or_default() += 1;
            }
        })
        .await;
    }
    assert_eq!(tally.into_inner(), [(401, 5), (429, 49_995)].into(), "the clock stood still");
}

/// Who guessed too often waits, and is not locked out by it; who waited is told for how long.
#[tokio::test]
async fn wrong_codes_are_delayed_and_then_admitted() {
    everywhere(setup(), async |mut client| {
        client.world.enrol(1).await;
        begin(&mut client).await;
        for _ in 0..5 {
            assert_eq!(send_code(&mut client, "000000").await.status, 401);
        }
        let code = client.world.code();
        let early = send_code(&mut client, &code).await;
        assert_eq!((early.status, early.one("retry-after")), (429, "30"), "a right one neither, unseen");
        assert_eq!(pending(&mut client).await, "alice [SecondFactor] {Totp}");
        client.world.clock.advance(MINUTE / 2);
        let code = client.world.code();
        assert_eq!(send_code(&mut client, &code).await.status, 303);
        let told = client.world.events.take();
        let refused = |why: &str| told.iter().filter(|event| event.contains(why)).count();
        assert_eq!((refused("refused: Wrong"), refused("refused: TooMany")), (5, 1), "{told:?}");
    })
    .await;
}

/// One right code, at once from everywhere: one login is finished by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_with_one_code_one_succeeds() {
    let world = setup().world().await;
    world.enrol(1).await;
    let code = world.next_code();
    one_of_five_hundred(&world, &code).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_hundred_with_one_recovery_code_one_succeeds() {
    let world = setup().world().await;
    world.enrol(1).await;
    let codes = world.factors.as_ref().unwrap().make_recovery_codes(&owner(1)).await.unwrap();
    one_of_five_hundred(&world, codes.codes()[7].expose()).await;
}

async fn one_of_five_hundred(world: &World, code: &str) {
    let other = Setup::default().second_factor(if_enrolled).restarted(world);
    let routers = [Tower::new(world).router(), Tower::new(&other).router()];
    let mut tokens = Vec::new();
    for _ in 0..5 {
        let form = [("username", "alice"), ("password", ALICE)];
        let answer = Tower::new(world).send(Request::post("/login", &form)).await;
        tokens.push(answer.token().expect("a login that waits"));
    }
    let mut running = JoinSet::new();
    for at in 0..500 {
        let (router, token, code) = (routers[at % 2].clone(), tokens[at % 5].clone(), code.to_owned());
        running.spawn(async move {
            use tower::ServiceExt;
            let request = Request::post("/act/code", &[("code", &code)]).cookie(&token);
            let response = router.oneshot(integration_tests::tower::native(request)).await.unwrap();
            response.status().as_u16()
        });
    }
    let statuses = running.join_all().await;
    let succeeded = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!(succeeded, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 401, 429].contains(status)), "{statuses:?}");
}

/// A factor that is enrolled while its owner signs in elsewhere is asked for there, whichever comes first.
#[tokio::test]
async fn a_factor_that_is_enrolled_meanwhile_is_not_missed() {
    everywhere(setup(), async |mut client| {
        let mut other = client.another();
        sign_in(&mut other, "bob", integration_tests::world::BOB).await;
        client.world.enrol(2).await;
        assert_eq!(other.who().await, "bob", "the store alone was told: no session is");
        sign_in(&mut client, "bob", integration_tests::world::BOB).await;
        assert_eq!(client.who().await, "anonymous");
    })
    .await;
}
