//! A refusal that an operator could have configured away is one event, with the fix in its text.

use integration_tests::client::everywhere;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

const FORM: [(&str, &str); 2] = [("username", "alice"), ("password", ALICE)];

fn of_another_site(request: Request) -> Request {
    request.with("sec-fetch-site", "cross-site").with("origin", "https://shop.example")
}

#[tokio::test]
async fn requests_of_other_sites_are_told() {
    let fix = "a request of a page at https://shop.example was refused: if it is one of yours, name it by \
               `.trusted_origin(…)`; if it is this site behind a proxy that changes `Host`, name that by `.origin(…)`";
    everywhere(Setup::default(), async |mut client| {
        let events = client.world.events.clone();
        let ask = async |client: &mut integration_tests::client::Client<'_>, request| {
            events.take();
            let status = client.send(request).await.status;
            (status, events.take())
        };
        let login = of_another_site(Request::post("/login", &FORM));
        assert_eq!(
            ask(&mut client, login).await,
            (403, vec![fix.to_owned()]),
            "a login at {}",
            client.site()
        );
        let logout = of_another_site(Request::post("/logout", &[]));
        assert_eq!(ask(&mut client, logout).await, (403, vec![fix.to_owned()]), "a logout");
        client.login("alice", ALICE).await;
        let change = of_another_site(Request::post("/act/set", &[("name", "a"), ("value", "b")]));
        assert_eq!(ask(&mut client, change).await, (403, vec![fix.to_owned()]), "a change");
        let payment = of_another_site(Request::post("/who", &[]));
        assert_eq!(ask(&mut client.another(), payment).await.1, Vec::<String>::new(), "a payment service's");
        let secret =
            Request::post("/login", &FORM).with("sec-fetch-site", "cross-site").with("origin", "null");
        let (_, told) = ask(&mut client.another(), secret).await;
        assert!(told[0].starts_with("a request of a page at no origin was refused"), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn what_no_scheme_takes_is_told() {
    everywhere(Setup::default(), async |client| {
        let got = client.bare(Request::get("/who").with("authorization", "Digest x")).await;
        assert_eq!(got.status, 401, "{}", client.site());
        let told = client.world.events.take();
        assert!(told.len() == 1 && told[0].contains("`.scheme(…)`"), "{told:?}");
    })
    .await;
}
