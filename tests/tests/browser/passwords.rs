//! Whoever was given a password chooses another one, at both demos.

use integration_tests::browser::{complaints, find, follow, look, path, text, visit};
use integration_tests::process::Demo;
use thirtyfour::prelude::*;

use crate::{sign_in, sign_out};

const GIVEN: &str = "told on the phone";
const CHOSEN: &str = "nobody else knows this";

async fn choose(page: &WebDriver, password: &str) -> WebDriverResult<()> {
    find(page, "#password[autocomplete=new-password]").await?.send_keys(password).await?;
    follow(page, "form[action='/login/password'] button").await
}

async fn choose_a_new_password(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    demo.give_password("carol", GIVEN).await;
    let origin = demo.origin();
    page.goto(format!("{origin}/me")).await?;
    sign_in(&page, "carol", GIVEN).await?;
    assert_eq!(text(&page, "h1").await?, "Choose a new password");
    assert_eq!(find(&page, ":focus").await?.id().await?.as_deref(), Some("password"));
    look(&page, "new-password").await?;
    page.goto(format!("{origin}/me")).await?;
    assert_eq!(path(&page).await?, "/login/factor?next=/me", "nobody yet");
    choose(&page, GIVEN).await?;
    assert!(text(&page, "[role=alert]").await?.contains("Choose another one"));
    look(&page, "new-password-same").await?;
    choose(&page, CHOSEN).await?;
    assert_eq!((path(&page).await?.as_str(), text(&page, "#username").await?.as_str()), ("/me", "carol"));
    sign_out(&page).await?;
    page.goto(format!("{origin}/login?next=%2Fme")).await?;
    sign_in(&page, "carol", GIVEN).await?;
    assert!(!text(&page, "[role=alert]").await?.is_empty());
    sign_in(&page, "carol", CHOSEN).await?;
    assert_eq!(path(&page).await?, "/me");
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn axum() {
    let demo = Demo::start("axum-demo", &[]);
    visit(|page| choose_a_new_password(page, &demo)).await;
}

#[tokio::test]
async fn actix() {
    let demo = Demo::start("actix-demo", &[]);
    visit(|page| choose_a_new_password(page, &demo)).await;
}
