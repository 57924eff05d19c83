//! Both demos, seen by a real browser.

mod pages;
mod passkeys;
mod passwords;

use std::time::Duration;

use auth_core::factors::Totp;
use auth_core::time::{Clock, SystemClock};
use integration_tests::browser::{
    Screen, complaints, find, follow, keep_picture, look, path, print, text, visit,
};
use integration_tests::process::Demo;
use thirtyfour::prelude::*;

const SESSION: &str = "__Host-session";

/// Fills in and sends the login form of the page that is shown.
async fn sign_in(page: &WebDriver, username: &str, password: &str) -> WebDriverResult<()> {
    let field = find(page, "#username[autocomplete~=username]").await?;
    // It may hold the name that was typed before.
    field.clear().await?;
    field.send_keys(username).await?;
    find(page, "#password[autocomplete=current-password]").await?.send_keys(password).await?;
    follow(page, "form[action='/login'] button[type=submit]").await
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
        assert_eq!(find(&page, "#username").await?.value().await?.as_deref(), Some(username));
        assert_eq!(find(&page, ":focus").await?.id().await?.as_deref(), Some("password"));
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
    look(&page, "me").await?;
    Ok(())
}

async fn forbidden_page(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/members")).await?;
    sign_in(&page, "bob", "builder").await?;
    assert_eq!(path(&page).await?, "/members", "nobody is asked to sign in twice");
    assert_eq!(text(&page, "main .eyebrow").await?, "403");
    find(&page, "main a.button[href='/login']").await?;
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
        look(&page, "throttled").await?;
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
    look(&page, "key-made").await?;
    page.goto(format!("{origin}/account/keys")).await?;
    let all = text(&page, "main").await?;
    assert!(!all.contains(&key) && all.contains("nightly <export>") && all.contains("never used"), "{all}");
    follow(&page, "form[action$='/revoke'] button").await?;
    let all = text(&page, "main").await?;
    assert!(all.contains("ended") && !all.contains("Revoke"), "{all}");
    look(&page, "keys").await
}

/// Types the code that the page asks for.
async fn type_code(page: &WebDriver, code: &str) -> WebDriverResult<()> {
    let field = "#code[autocomplete='one-time-code']";
    find(page, field).await?.send_keys(code).await?;
    follow(page, "main form:has(#code) button[type=submit]").await
}

/// The code after the present one: it is good already, and the present one may be used.
fn next_code(app: &Totp) -> String {
    app.code(SystemClock.now().plus(Duration::from_secs(Totp::PERIOD))).expose().to_owned()
}

/// Bob adds an app on the page, with a wrong code at first, and gives the app.
async fn add_app(page: &WebDriver, name: &str) -> WebDriverResult<Totp> {
    follow(page, "main a[href='/account/factors/new']").await?;
    look(page, "factor-new").await?;
    let field = find(page, "#name").await?;
    field.clear().await?;
    field.send_keys(name).await?;
    follow(page, "main button[type=submit]").await?;
    let key = text(page, "#key").await?;
    let app: Totp = key.parse().expect("a key that apps take");
    assert!(key.split(' ').all(|group| group.len() == 4), "{key}");
    let link = find(page, "#otpauth").await?.attr("href").await?.unwrap_or_default();
    assert!(link.starts_with("otpauth://totp/Auth%20demo:bob?secret="), "{link}");
    assert!(link.contains(&key.replace(' ', "")), "{link}");
    let code = find(page, ".qr[role=img] svg").await?.rect().await?;
    assert!(code.width > 150.0 && (code.width - code.height).abs() < 1.0, "{code:?}");
    look(page, "factor-confirm").await?;
    type_code(page, "000000").await?;
    assert!(text(page, "[role=alert]").await?.contains("wrong"));
    assert!(page.find_all(By::Css("#key")).await?.is_empty(), "the key is shown once");
    look(page, "factor-confirm-wrong").await?;
    type_code(page, app.code(SystemClock.now()).expose()).await?;
    assert_eq!(path(page).await?, "/account/factors");
    Ok(app)
}

/// Bob's way to a second factor and back.
async fn second_factor(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/account/factors")).await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/account/factors"));
    sign_in(&page, "bob", "builder").await?;
    assert!(text(&page, "main").await?.contains("Your password is all that is asked"));
    look(&page, "factors-none").await?;
    let app = add_app(&page, "my <phone>").await?;
    let all = text(&page, "main").await?;
    assert!(all.contains("my <phone>") && all.contains("You have no recovery codes"), "{all}");
    look(&page, "factors-one").await?;
    follow(&page, "form[action$='/recovery-codes'] button").await?;
    let codes = page.find_all(By::Css(".codes code")).await?;
    assert_eq!(codes.len(), 10);
    let recovery = codes[3].text().await?;
    look(&page, "recovery-codes").await?;
    print(&page).await?;
    assert!(codes[3].is_displayed().await? && !find(&page, "nav").await?.is_displayed().await?);
    keep_picture(&page, "recovery-codes-printed").await?;
    Screen::DESK.show(&page).await?;
    follow(&page, "main a.button").await?;
    let all = text(&page, "main").await?;
    assert!(all.contains("10 of 10 are left") && !all.contains(&recovery), "{all}");
    sign_out(&page).await?;

    page.goto(format!("{origin}/login?next=%2Fme")).await?;
    sign_in(&page, "bob", "builder").await?;
    assert_eq!(path(&page).await?, "/login/factor?next=/me");
    assert_eq!(find(&page, ":focus").await?.id().await?.as_deref(), Some("code"));
    look(&page, "code").await?;
    page.goto(format!("{origin}/me?tab=1")).await?;
    assert_eq!(path(&page).await?, "/login/factor?next=/me%3Ftab%3D1", "nobody yet");
    type_code(&page, "000000").await?;
    assert!(text(&page, "[role=alert]").await?.contains("wrong"));
    look(&page, "code-wrong").await?;
    type_code(&page, &next_code(&app)).await?;
    assert_eq!((path(&page).await?.as_str(), text(&page, "#username").await?.as_str()), ("/me?tab=1", "bob"));
    sign_out(&page).await?;

    page.goto(format!("{origin}/login?next=%2Faccount%2Ffactors")).await?;
    sign_in(&page, "bob", "builder").await?;
    follow(&page, "#recovery").await?;
    look(&page, "code-recovery").await?;
    type_code(&page, &recovery.to_lowercase()).await?;
    assert!(text(&page, "main").await?.contains("9 of 10 are left"));
    give_up(&page, &origin).await?;
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// Bob renames his app, removes it, and signs in by his password alone.
async fn give_up(page: &WebDriver, origin: &str) -> WebDriverResult<()> {
    follow(page, "a[href$='/rename']").await?;
    look(page, "factor-rename").await?;
    let field = find(page, "#name").await?;
    assert_eq!(field.value().await?.as_deref(), Some("my <phone>"));
    field.clear().await?;
    field.send_keys("my <phone> (old)").await?;
    follow(page, "main button[type=submit]").await?;
    assert!(text(page, "main").await?.contains("my <phone> (old)"));
    look(page, "factors").await?;
    follow(page, "a[href$='/remove']").await?;
    assert!(text(page, "#last").await?.contains("It is your last one"));
    look(page, "factor-remove").await?;
    follow(page, "main form button").await?;
    let all = text(page, "main").await?;
    assert!(all.contains("Your password is all that is asked") && !all.contains("Recovery codes"), "{all}");
    sign_out(page).await?;
    page.goto(format!("{origin}/login")).await?;
    sign_in(page, "bob", "builder").await?;
    assert_eq!((path(page).await?.as_str(), text(page, "main #username").await?.as_str()), ("/", "bob"));
    page.goto(format!("{origin}/login/factor")).await?;
    look(page, "code-none").await?;
    find(page, "main a[href='/account/factors/new']").await.map(drop)
}

/// Dave has an app from the start. Signed in, he is asked for the password once more, but not for the code; or for a code alone.
async fn confirm_again(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    find(&page, "details.hint summary").await?.click().await?;
    look(&page, "login").await?;
    sign_in(&page, "dave", "two steps are better").await?;
    let app: Totp = "JBSWY3DPEHPK3PXP".parse().expect("the demo tells it");
    type_code(&page, app.code(SystemClock.now()).expose()).await?;
    assert_eq!(text(&page, "main #username").await?, "dave");
    look(&page, "home").await?;
    follow(&page, "nav a[href='/account/factors']").await?;
    assert!(text(&page, "main").await?.contains("Demo app"));
    page.goto(format!("{origin}/login?next=%2Faccount%2Fkeys")).await?;
    assert_eq!(text(&page, "h1").await?, "Confirm it is you");
    look(&page, "login-again").await?;
    find(&page, "#password").await?.send_keys("two steps are better").await?;
    follow(&page, "main button[type=submit]").await?;
    assert_eq!(path(&page).await?, "/account/keys", "the code was given in this session");
    page.goto(format!("{origin}/login/factor?next=%2Fmembers")).await?;
    assert_eq!(text(&page, "h1").await?, "Confirm it is you");
    look(&page, "code-again").await?;
    type_code(&page, &next_code(&app)).await?;
    assert_eq!(path(&page).await?, "/members");
    page.goto(format!("{origin}/account/factors/00000000001/remove")).await?;
    assert_eq!(text(&page, "main .eyebrow").await?, "404");
    look(&page, "factor-missing").await?;
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// Somebody knows Dave's password, and guesses codes.
async fn too_many_codes(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login?next=%2Fme")).await?;
    sign_in(&page, "dave", "two steps are better").await?;
    let mut notice = String::new();
    for _ in 0..10 {
        type_code(&page, "000000").await?;
        notice = text(&page, "[role=alert]").await?;
        if notice.contains("too many") {
            break;
        }
    }
    assert!(notice.starts_with("There were too many wrong codes. Please try again in "), "{notice}");
    look(&page, "code-throttled").await?;
    follow(&page, "main form[action='/logout'] button").await?;
    assert!(session_cookie(&page).await?.is_none(), "he goes away");
    page.goto(format!("{origin}/login/factor?next=%2Fme")).await?;
    assert_eq!(asked_to_sign_in(&page).await?.as_deref(), Some("/me"));
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// What a page's policy forbids is a complaint: the visits above would hear of it.
async fn forbidden_styles(page: WebDriver, origin: String) -> WebDriverResult<()> {
    page.goto(format!("{origin}/login")).await?;
    assert_eq!(complaints(&page).await?, [""; 0]);
    let style = "document.head.append(document.createElement('style')); \
                 document.querySelector('style').textContent = 'h1 { display: none }'";
    page.execute(style, Vec::new()).await?;
    let heard = complaints(&page).await?.join("\n");
    assert!(heard.contains("Content Security Policy"), "{heard}");
    assert!(find(&page, "h1").await?.is_displayed().await?);
    Ok(())
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
    back_button_to_where_the_login_led,
    second_factor,
    confirm_again,
    too_many_codes,
    forbidden_styles
);
