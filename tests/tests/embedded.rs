//! A site in frames of two others, seen by a real browser: a session in each.
#![allow(missing_docs)]

use std::net::SocketAddr;

use auth_tower::{AuthLayer, Session};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use integration_tests::accounts::Account;
use integration_tests::browser::{find, text, visit};
use integration_tests::tower::router;
use integration_tests::world::{ALICE, Setup, World};
use thirtyfour::prelude::*;
use tokio::net::TcpListener;

/// Who is signed in, and the form that signs alice in.
async fn frame(session: Session<Account>) -> Html<String> {
    let caller = session.find_caller().await.unwrap();
    let name = caller.map_or("nobody".to_owned(), |caller| caller.user().name.clone());
    Html(format!(
        "<!doctype html><p id=who>{name}</p><form method=post action=/login>\
         <input name=username value=alice><input name=password value={ALICE}><input name=next value=/frame>\
         <button>Sign in</button></form>"
    ))
}

fn embedded(world: &World) -> Router {
    let layer = AuthLayer::new(world.auth.clone());
    router(world).route("/frame", get(frame)).layer(layer)
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Whom the frame in this site's page knows; `signs_in` presses its button first.
async fn seen_in(page: &WebDriver, outside: &str, signs_in: bool) -> WebDriverResult<String> {
    page.goto(outside).await?;
    find(page, "iframe").await?.enter_frame().await?;
    if signs_in {
        find(page, "button").await?.click().await?;
        let alice = page.query(By::XPath("//p[@id='who'][text()='alice']"));
        alice.wait(std::time::Duration::from_secs(120), std::time::Duration::from_millis(50)).first().await?;
    }
    let who = text(page, "#who").await?;
    page.enter_default_frame().await?;
    Ok(who)
}

#[tokio::test]
async fn a_partitioned_session_is_one_for_each_embedding_site() {
    let world = Setup::default().sessions(auth_core::SessionConfig::partitioned).world().await;
    let app = serve(embedded(&world)).await.port();
    let content = format!("<!doctype html><iframe src='http://app.localhost:{app}/frame'></iframe>");
    let outside = serve(Router::new().route("/", get(async || Html(content)))).await.port();
    let [one, other] = ["one", "other"].map(|site| format!("http://{site}.localhost:{outside}/"));
    visit(async |page| {
        assert_eq!(seen_in(&page, &one, false).await?, "nobody");
        assert_eq!(seen_in(&page, &one, true).await?, "alice");
        assert_eq!(seen_in(&page, &other, false).await?, "nobody", "the other site's frame");
        assert_eq!(seen_in(&page, &other, true).await?, "alice");
        assert_eq!(seen_in(&page, &one, false).await?, "alice", "it is still there");
        page.goto(format!("http://app.localhost:{app}/frame")).await?;
        assert_eq!(text(&page, "#who").await?, "nobody", "the site itself");
        Ok(())
    })
    .await;
    assert_eq!(world.store.sessions.len(), 2);
}
