//! The pages that need no story, at both demos: looked at by whoever is signed in and by others.

use integration_tests::browser::{barriers, complaints, find, look, path, text, visit};
use integration_tests::process::Demo;
use thirtyfour::prelude::*;

use crate::{sign_in, sign_out};

/// A page, by the name of its pictures, its path and its heading.
type Page = (&'static str, &'static str, &'static str);

const NOBODY: [Page; 4] = [
    ("home-nobody", "/", "Hello, stranger"),
    ("login-nobody", "/login", "Sign in"),
    ("404-nobody", "/nothing", "Nothing here"),
    ("405-nobody", "/logout", "Not this way"),
];
const BOB: [Page; 8] = [
    ("home-bob", "/", "Hello, bob"),
    ("login-already", "/login", "You are signed in as bob"),
    ("login-confirm", "/login?next=/account/keys", "Confirm it is you"),
    ("keys-none", "/account/keys", "API keys"),
    ("code-nothing", "/login/factor", "Confirm it is you"),
    ("403", "/members", "Not for you"),
    ("404", "/nothing", "Nothing here"),
    ("405", "/logout", "Not this way"),
];

async fn look_at(page: &WebDriver, origin: &str, pages: &[Page]) -> WebDriverResult<()> {
    for (name, path, heading) in pages {
        page.goto(format!("{origin}{path}")).await?;
        assert_eq!(text(page, "h1").await?, *heading, "{path}");
        look(page, name).await?;
    }
    Ok(())
}

async fn pages(page: WebDriver, origin: String) -> WebDriverResult<()> {
    look_at(&page, &origin, &NOBODY).await?;
    page.goto(format!("{origin}/login?next=%2Fme")).await?;
    sign_in(&page, "\"><b>bob", "wrong").await?;
    look(&page, "login-wrong").await?;
    sign_in(&page, "bob", "builder").await?;
    assert_eq!(path(&page).await?, "/me");
    look_at(&page, &origin, &BOB).await?;
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "alice", "wrong").await?;
    look(&page, "login-already-wrong").await?;
    sign_in(&page, "alice", "wonderland").await?;
    assert_eq!(text(&page, "h1").await?, "Hello, alice");
    look_at(&page, &origin, &[("members", "/members", "Welcome to the club, alice")]).await?;
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// From a page that says no, by its own button.
async fn sign_out_where_it_says_no(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/members")).await?;
    sign_in(&page, "bob", "builder").await?;
    for path in ["/members", "/nothing", "/logout"] {
        page.goto(format!("{origin}{path}")).await?;
        assert_eq!(text(&page, "header .name").await?.lines().last(), Some("bob"), "{path}");
    }
    sign_out(&page).await?;
    assert_eq!(text(&page, "h1").await?, "Hello, stranger");
    Ok(())
}

/// Barriers are found: the looks above are worth something.
async fn barriers_are_found(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    find(&page, "#password").await?;
    assert_eq!(barriers(&page).await?, [""; 0]);
    for (breaks, rule) in [
        ("document.querySelector('label[for=password]').remove()", "label "),
        ("document.querySelector('#heading').style.color = '#ccc'", "color-contrast "),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang "),
    ] {
        page.execute(breaks, Vec::new()).await?;
        let found = barriers(&page).await?;
        assert!(found.iter().any(|barrier| barrier.starts_with(rule)), "{rule}: {found:?}");
    }
    Ok(())
}

macro_rules! visits {
    ($($visit:ident),*) => {
        mod axum {$(
            #[tokio::test]
            async fn $visit() {
                let demo = super::Demo::start("axum-demo", &[]);
                super::visit(|page| super::$visit(page, demo.origin())).await;
            }
        )*}
        mod actix {$(
            #[tokio::test]
            async fn $visit() {
                let demo = super::Demo::start("actix-demo", &[]);
                super::visit(|page| super::$visit(page, demo.origin())).await;
            }
        )*}
    };
}
visits!(pages, sign_out_where_it_says_no, barriers_are_found);
