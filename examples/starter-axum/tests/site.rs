//! The site as its visitors see it.

use auth_core::Secret;
use auth_test::{App, Client};
use starter_axum::{Config, Site, router};

const PASSWORD: &str = "the hare pours cold tea";

async fn client() -> Client<impl App + Clone> {
    let config = Config {
        address: "127.0.0.1:0".parse().unwrap(),
        database_url: "sqlite::memory:".into(),
        session_secret: Secret::new("a secret of the tests, which is long enough"),
        origin: None,
        trusted_proxies: Vec::new(),
    };
    Client::new(router(Site::open(&config).await.unwrap()).unwrap())
}

fn alice<'a>() -> Vec<(&'a str, &'a str)> {
    vec![("username", "alice"), ("display_name", "Alice <3"), ("email", "alice@example.org"), ("password", PASSWORD)]
}

#[tokio::test]
async fn a_visitor_registers_leaves_and_comes_back() {
    let client = client().await;
    client.get("/account").await.assert_redirect("/login?next=/account");
    client.post_form("/register", &alice()).await.assert_redirect("/account");
    let page = client.get("/account").await.assert_status(200).text();
    assert!(page.contains("Alice &#60;3") && page.contains("alice@example.org"), "{page}");
    client.post_form("/logout", &[]).await.assert_redirect("/");
    client.get("/account").await.assert_redirect("/login?next=/account");
    let wrong = client.post_form("/login", &[("username", "alice"), ("password", "wrong")]).await;
    assert!(wrong.assert_status(401).text().contains(r#"value="alice""#));
    client.post_form("/login?next=/account", &[("username", "alice"), ("password", PASSWORD)]).await.assert_redirect("/account");
}

#[tokio::test]
async fn names_and_addresses_are_taken_once() {
    let client = client().await;
    client.post_form("/register", &alice()).await.assert_redirect("/account");
    for (field, value, wrong) in [
        ("email", "other@example.org", "This user name is taken."),
        ("username", "other", "This e-mail address is taken."),
        ("password", "password", "password"),
        ("display_name", "", "1 to 100"),
    ] {
        let form: Vec<_> = alice().into_iter().map(|(name, old)| (name, if name == field { value } else { old })).collect();
        let page = client.post_form("/register", &form).await.assert_status(422).text();
        assert!(page.contains(wrong), "{field}: {page}");
    }
}

#[tokio::test]
async fn a_key_opens_the_api_until_it_is_revoked() {
    let client = client().await;
    client.post_form("/register", &alice()).await.assert_redirect("/account");
    let page = client.post_form("/account/keys", &[("name", "backup")]).await.assert_status(200).text();
    let key = page.split("<code>").nth(1).unwrap().split("</code>").next().unwrap().to_owned();
    let id = page.split("/account/keys/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    client.another().as_program().get("/api/me").await.assert_status(401);
    let script = client.another().as_program().with_bearer(&key);
    let me = script.get("/api/me").await.assert_status(200).text();
    assert!(me.contains("alice@example.org"), "{me}");
    client.post_form(&format!("/account/keys/{id}/revoke"), &[]).await.assert_redirect("/account");
    script.get("/api/me").await.assert_status(401);
}

#[tokio::test]
async fn errors_are_pages_of_the_site() {
    let client = client().await;
    client.get("/health").await.assert_status(204);
    client.post_form("/register", &alice()).await.assert_redirect("/account");
    let page = client.get("/no-such-page").await.assert_status(404).text();
    assert!(page.contains("There is no such page.") && page.contains("Sign out"), "{page}");
    let page = client.get("/logout").await.assert_status(405).text();
    assert!(page.contains("Sign out"), "{page}");
}
