//! Whoever was given a password chooses another one, at both demos.

use auth_core::{Passwords, Secret, User as _};
use auth_sql::SqlUsers;
use integration_tests::browser::{complaints, find, follow, look, path, text, visit};
use integration_tests::process::Demo;
use sqlx::SqlitePool;
use thirtyfour::prelude::*;

use crate::{sign_in, sign_out};

const GIVEN: &str = "told on the phone";
const CHOSEN: &str = "nobody else knows this";

/// What an administrator does.
async fn give_carol_a_password(demo: &Demo) {
    let url = format!("sqlite:{}", demo.folder().join("demo.sqlite3").display());
    let pool = SqlitePool::connect(&url).await.expect("the demo's database");
    let users = SqlUsers::new(pool, Passwords::new().expect("passwords"));
    let carol = users.find("carol").await.expect("users").expect("Carol");
    users.set_temporary_password(&carol.id(), &Secret::new(GIVEN)).await.expect("it is set");
}

async fn choose(page: &WebDriver, password: &str) -> WebDriverResult<()> {
    find(page, "#password[autocomplete=new-password]").await?.send_keys(password).await?;
    follow(page, "form[action='/login/password'] button").await
}

async fn choose_a_new_password(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    give_carol_a_password(demo).await;
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
