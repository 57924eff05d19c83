//! Both demos, seen by a real browser.

use integration_tests::browser::{find, follow, path, text, visit};
use integration_tests::process::Demo;
use thirtyfour::prelude::*;

const SESSION: &str = "__Host-session";

/// Fills in and sends the login form of the page that is shown.
async fn sign_in(page: &WebDriver, username: &str, password: &str) -> WebDriverResult<()> {
    find(page, "#username[autocomplete=username]").await?.send_keys(username).await?;
    find(page, "#password[autocomplete=current-password]").await?.send_keys(password).await?;
    follow(page, "main button[type=submit]").await
}

async fn sign_out(page: &WebDriver) -> WebDriverResult<()> {
    follow(page, "header form[action='/logout'] button").await?;
    find(page, "header a[href='/login']").await.map(drop)
}

async fn session_cookie(page: &WebDriver) -> WebDriverResult<Option<Cookie>> {
    let cookies = page.get_all_cookies().await?;
    Ok(cookies.into_iter().find(|cookie| cookie.name == SESSION))
}

/// Where the login page that is shown will lead; `None` if another page is shown.
async fn asked_to_sign_in(page: &WebDriver) -> WebDriverResult<Option<String>> {
    find(page, "form[action='/login'] #password").await?;
    let url = page.current_url().await?;
    let next = url.query_pairs().find(|(name, _)| name == "next").map(|(_, next)| next.into_owned());
    Ok(next.filter(|_| url.path() == "/login"))
}

async fn login(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "alice", "wonderland").await?;
    assert_eq!(text(&page, "main #username").await?, "alice");
    assert_eq!(path(&page).await?, "/");
    let cookie = session_cookie(&page).await?.expect("a session");
    assert_eq!((cookie.secure, cookie.path.as_deref()), (Some(true), Some("/")));
    page.goto(format!("{origin}/members")).await?;
    assert!(text(&page, "h1").await?.contains("alice"));
    Ok(())
}

async fn wrong_password(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login?next=%2Fme")).await?;
    let mut notices = Vec::new();
    for (username, password) in [("alice", "looking-glass"), ("nobody", "wonderland")] {
        sign_in(&page, username, password).await?;
        notices.push(text(&page, "[role=alert]").await?);
        assert_eq!(find(&page, "#password").await?.value().await?.as_deref(), Some(""));
    }
    assert!(!notices[0].is_empty());
    assert_eq!(notices[0], notices[1], "whether the user exists must not show");
    assert!(session_cookie(&page).await?.is_none());
    sign_in(&page, "alice", "wonderland").await?;
    assert_eq!(text(&page, "main #username").await?, "alice");
    assert_eq!(path(&page).await?, "/me", "`next` survives wrong passwords");
    Ok(())
}

async fn protected_page(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/me?tab=1")).await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/me?tab=1"));
    sign_in(&page, "carol", "correct horse battery staple").await?;
    assert_eq!(text(&page, "#backend").await?, "local");
    assert_eq!(path(&page).await?, "/me?tab=1");
    Ok(())
}

async fn forbidden_page(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/members")).await?;
    sign_in(&page, "bob", "builder").await?;
    assert_eq!(path(&page).await?, "/members", "nobody is asked to sign in twice");
    assert_eq!(text(&page, "main .eyebrow").await?, "403");
    Ok(())
}

async fn logout(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "bob", "builder").await?;
    sign_out(&page).await?;
    assert_eq!(path(&page).await?, "/");
    assert!(session_cookie(&page).await?.is_none());
    page.goto(format!("{origin}/me")).await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/me"));
    Ok(())
}

async fn back_button(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "bob", "builder").await?;
    find(&page, "main #username").await?;
    page.goto(format!("{origin}/me")).await?;
    find(&page, "#backend").await?;
    sign_out(&page).await?;
    page.back().await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/me"), "what the session showed is gone");
    Ok(())
}

/// Chromium (156) would show the very page that the login led to once more, `no-store` or not, if the logout changed
/// no more cookies than the login did.
async fn back_button_to_where_the_login_led(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/me")).await?;
    sign_in(&page, "bob", "builder").await?;
    find(&page, "#backend").await?;
    sign_out(&page).await?;
    page.back().await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/me"), "what the session showed is gone");
    Ok(())
}

/// Somebody tries a name over and over. Whoever must wait is told for how long; whoever signed in here before need not.
async fn too_many_attempts(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "bob", "builder").await?;
    sign_out(&page).await?;
    for name in ["alice", "nobody"] {
        page.goto(format!("{origin}/login")).await?;
        let mut notice = String::new();
        for n in 0..20 {
            sign_in(&page, name, &format!("guess {n}")).await?;
            notice = text(&page, "[role=alert]").await?;
            if notice.contains("too many attempts") {
                break;
            }
        }
        assert!(notice.contains("Please try again in") && notice.contains("signed in before"), "{notice}");
        keep_picture(&page, "throttled").await?;
    }
    page.goto(format!("{origin}/login")).await?;
    sign_in(&page, "bob", "builder").await?;
    assert_eq!(text(&page, "main #username").await?, "bob");
    Ok(())
}

/// Somebody makes a key on the page, sees it once, and revokes it.
async fn api_keys(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/account/keys")).await?;
    sign_in(&page, "alice", "wonderland").await?;
    assert_eq!(path(&page).await?, "/account/keys", "back to where the login was asked for");
    find(&page, "#name").await?.send_keys("nightly <export>").await?;
    find(&page, "#scopes").await?.send_keys("members").await?;
    follow(&page, "form[action='/account/keys'] button").await?;
    let key = text(&page, "#key").await?;
    assert!(key.starts_with("demo_") && key.len() == 66, "{key}");
    keep_picture(&page, "key-made").await?;
    page.goto(format!("{origin}/account/keys")).await?;
    let all = text(&page, "main").await?;
    assert!(!all.contains(&key) && all.contains("nightly <export>") && all.contains("never used"), "{all}");
    follow(&page, "form[action$='/revoke'] button").await?;
    let all = text(&page, "main").await?;
    assert!(all.contains("ended") && !all.contains("Revoke"), "{all}");
    keep_picture(&page, "keys").await
}

/// Keeps what the page looks like where `PICTURES` says.
async fn keep_picture(page: &WebDriver, name: &str) -> WebDriverResult<()> {
    match std::env::var_os("PICTURES") {
        Some(folder) => page.screenshot(&std::path::Path::new(&folder).join(format!("{name}.png"))).await,
        None => Ok(()),
    }
}

/// Runs each visit against each demo, on a new server and in a new browser.
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
visits!(
    login,
    wrong_password,
    protected_page,
    forbidden_page,
    logout,
    back_button,
    too_many_attempts,
    api_keys,
    back_button_to_where_the_login_led
);
