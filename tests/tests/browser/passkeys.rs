//! Passkeys at both demos, of devices that Chromium makes up.

use std::io::{Read, Write};
use std::net::TcpStream;

use auth_core::factors::Totp;
use auth_core::time::{Clock as _, SystemClock};
use integration_tests::browser::{Device, complaints, find, follow, look, passkey_state, path, text, visit};
use integration_tests::process::Demo;
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use url::form_urlencoded::byte_serialize;

use crate::{next_code, sign_in, sign_out, type_code};

const BUTTON: &str = "form.passkey button";

/// Has the name field offer nothing: devices that are made up choose for themselves, and on and on. Gives what ends that.
async fn by_button_alone(page: &WebDriver) -> WebDriverResult<Value> {
    let script = "PublicKeyCredential.isConditionalMediationAvailable = async () => false";
    page.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await
}

/// Somebody signs in by the password, and adds a passkey of the device that touches the page.
async fn register(page: &WebDriver, demo: &Demo, name: &str) -> WebDriverResult<()> {
    page.goto(format!("{}/account/factors", demo.origin())).await?;
    if page.find_all(By::Css("#password")).await?.is_empty() {
        follow(page, "main a[href='/account/factors/passkey']").await?;
    } else {
        sign_in(page, "carol", "correct horse battery staple").await?;
        follow(page, "main a[href='/account/factors/passkey']").await?;
    }
    let field = find(page, "#name").await?;
    field.clear().await?;
    field.send_keys(name).await?;
    follow(page, BUTTON).await?;
    assert_eq!(path(page).await?, "/account/factors");
    let all = text(page, "main").await?;
    assert!(all.contains(name), "{all}");
    Ok(())
}

/// The login page, where nothing happens before the button is clicked.
async fn login_page(page: &WebDriver, demo: &Demo, devices: &[&Device]) -> WebDriverResult<()> {
    for device in devices {
        device.touches(page, false).await?;
    }
    page.goto(format!("{}/login?next=%2Fme", demo.origin())).await?;
    find(page, BUTTON).await.map(drop)
}

async fn sign_in_with(page: &WebDriver, device: &Device) -> WebDriverResult<()> {
    device.touches(page, true).await?;
    follow(page, BUTTON).await
}

/// Carol gets a passkey and needs no password any more, neither by the button nor in the name field.
async fn sign_in_without_a_password(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let device = Device::built_in(&page).await?;
    let by_button = by_button_alone(&page).await?;
    register(&page, demo, "my <phone>").await?;
    look(&page, "factors-passkey").await?;
    page.goto(format!("{}/account/factors/passkey", demo.origin())).await?;
    look(&page, "passkey-new").await?;
    find(&page, BUTTON).await?.click().await?;
    assert_eq!(passkey_state(&page).await?, "registered");
    assert!(text(&page, "[data-passkey-message]").await?.contains("you can sign in with it"));
    look(&page, "passkey-there").await?;
    sign_out(&page).await?;

    login_page(&page, demo, &[&device]).await?;
    look(&page, "login-passkey").await?;
    sign_in_with(&page, &device).await?;
    assert_eq!(path(&page).await?, "/me", "no second step: it is two factors");
    assert_eq!(text(&page, "#backend").await?, "local");
    sign_out(&page).await?;
    // Whoever has a single passkey and no screen has chosen it in the name field.
    page.cdp().send_raw("Page.removeScriptToEvaluateOnNewDocument", by_button).await?;
    page.goto(format!("{}/login?next=%2Fme", demo.origin())).await?;
    assert_eq!(text(&page, "#backend").await?, "local");
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// After the password, which is not asked for again in a browser that is trusted, until nobody trusts it any more.
async fn second_step_and_trusted_browser(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let password = "correct horse battery staple";
    let device = Device::built_in(&page).await?;
    by_button_alone(&page).await?;
    register(&page, demo, "laptop").await?;
    sign_out(&page).await?;
    login_page(&page, demo, &[&device]).await?;
    sign_in(&page, "carol", password).await?;
    assert_eq!(path(&page).await?, "/login/factor?next=/me");
    look(&page, "code-passkey").await?;
    find(&page, ".passkey [name=trust]").await?.click().await?;
    sign_in_with(&page, &device).await?;
    assert_eq!(path(&page).await?, "/me");
    sign_out(&page).await?;

    login_page(&page, demo, &[&device]).await?;
    sign_in(&page, "carol", password).await?;
    assert_eq!(path(&page).await?, "/me", "the browser is trusted");
    page.goto(format!("{}/login/factor?next=%2Fmembers", demo.origin())).await?;
    assert_eq!(text(&page, "h1").await?, "Confirm it is you");
    look(&page, "code-passkey-again").await?;
    sign_in_with(&page, &device).await?;
    assert_eq!(path(&page).await?, "/members");
    page.goto(format!("{}/account/factors", demo.origin())).await?;
    assert!(text(&page, "main").await?.contains("One browser does not ask"));
    look(&page, "factors-trusted").await?;
    follow(&page, "form[action$='/forget-browsers'] button").await?;
    assert!(page.find_all(By::Css("#trusted")).await?.is_empty());
    sign_out(&page).await?;
    login_page(&page, demo, &[&device]).await?;
    sign_in(&page, "carol", password).await?;
    assert_eq!(path(&page).await?, "/login/factor?next=/me", "it is asked for again");
    assert_eq!(complaints(&page).await?, [""; 0]);
    Ok(())
}

/// Dave has an app from the start, and a passkey beside it: the page asks for either.
async fn beside_an_app(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let app: Totp = "JBSWY3DPEHPK3PXP".parse().expect("the demo tells it");
    let device = Device::built_in(&page).await?;
    by_button_alone(&page).await?;
    page.goto(format!("{}/account/factors/passkey", demo.origin())).await?;
    sign_in(&page, "dave", "two steps are better").await?;
    type_code(&page, app.code(SystemClock.now()).expose()).await?;
    follow(&page, BUTTON).await?;
    assert!(text(&page, "main").await?.contains("This device"));
    sign_out(&page).await?;
    login_page(&page, demo, &[&device]).await?;
    sign_in(&page, "dave", "two steps are better").await?;
    look(&page, "code-passkey-and-app").await?;
    type_code(&page, &next_code(&app)).await?;
    assert_eq!(path(&page).await?, "/me");
    sign_out(&page).await?;
    login_page(&page, demo, &[&device]).await?;
    sign_in(&page, "dave", "two steps are better").await?;
    sign_in_with(&page, &device).await?;
    assert_eq!(path(&page).await?, "/me");
    Ok(())
}

/// A device that does not know its owner signs nobody in, and the page says that nothing was done.
async fn cancelled(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let device = Device::built_in(&page).await?;
    by_button_alone(&page).await?;
    register(&page, demo, "laptop").await?;
    sign_out(&page).await?;
    device.verifies(&page, false).await?;
    login_page(&page, demo, &[&device]).await?;
    device.touches(&page, true).await?;
    find(&page, BUTTON).await?.click().await?;
    assert_eq!(passkey_state(&page).await?, "cancelled");
    assert!(text(&page, "[data-passkey-message]").await?.starts_with("Nothing was done"));
    look(&page, "login-passkey-cancelled").await?;
    assert_eq!(path(&page).await?, "/login?next=%2Fme");
    device.verifies(&page, true).await?;
    follow(&page, BUTTON).await?;
    assert_eq!(path(&page).await?, "/me");
    Ok(())
}

/// Of two keys each is good by itself; the one that is removed is good for nothing.
async fn two_keys_of_which_one_is_removed(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let first = Device::built_in(&page).await?;
    by_button_alone(&page).await?;
    register(&page, demo, "laptop").await?;
    first.touches(&page, false).await?;
    let second = Device::security_key(&page).await?;
    register(&page, demo, "keyring").await?;
    sign_out(&page).await?;
    for (device, other) in [(&first, &second), (&second, &first)] {
        login_page(&page, demo, &[&first, &second]).await?;
        sign_in_with(&page, device).await?;
        assert_eq!(path(&page).await?, "/me", "{device:?}, and not {other:?}");
        sign_out(&page).await?;
    }
    login_page(&page, demo, &[&first, &second]).await?;
    sign_in_with(&page, &second).await?;
    page.goto(format!("{}/account/factors", demo.origin())).await?;
    follow(&page, "a[aria-label='Remove laptop']").await?;
    assert!(text(&page, "main").await?.contains("You cannot sign in with it any more"));
    look(&page, "passkey-remove").await?;
    follow(&page, "main form button").await?;
    let all = text(&page, "main").await?;
    assert!(all.contains("keyring") && !all.contains("laptop"), "{all}");
    sign_out(&page).await?;
    login_page(&page, demo, &[&first, &second]).await?;
    sign_in_with(&page, &first).await?;
    assert!(text(&page, "#notice").await?.starts_with("That passkey was not accepted"));
    look(&page, "login-passkey-removed").await?;
    page.goto(format!("{}/open", demo.origin())).await?;
    assert_eq!(text(&page, "body").await?, "anonymous");
    login_page(&page, demo, &[&first, &second]).await?;
    sign_in_with(&page, &second).await?;
    assert_eq!(path(&page).await?, "/me");
    Ok(())
}

/// What a device signed for a page at one port is refused at another, though both ask the same database. The same, sent to where
/// it was signed for, signs in.
async fn signed_for_another_origin(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    let database = format!("sqlite:{}", demo.folder().join("demo.sqlite3").display());
    let others = Demo::NAMES.map(|name| Demo::on(&database, name, &[]));
    let device = Device::built_in(&page).await?;
    by_button_alone(&page).await?;
    register(&page, demo, "laptop").await?;
    sign_out(&page).await?;
    let [axum, actix] = &others;
    for (to, status) in [(axum, "401"), (demo, "303"), (actix, "401")] {
        let (cookies, response) = signed(&page, demo, &device).await?;
        let answer = post(to, &cookies, &response);
        let got = answer.split(' ').nth(1);
        assert_eq!(got, Some(status), "{}: {answer}", to.address());
        assert_eq!(answer.contains("set-cookie: __Host-session="), status == "303", "{answer}");
    }
    Ok(())
}

/// What the device answers to the login page, before it is sent, with the browser's cookies.
async fn signed(page: &WebDriver, demo: &Demo, device: &Device) -> WebDriverResult<(String, String)> {
    login_page(page, demo, &[device]).await?;
    page.execute("HTMLFormElement.prototype.submit = () => {}", Vec::new()).await?;
    device.touches(page, true).await?;
    find(page, BUTTON).await?.click().await?;
    assert_eq!(passkey_state(page).await?, "sent");
    let response = find(page, "[data-passkey-response]").await?.prop("value").await?.unwrap_or_default();
    let cookies = page.get_all_cookies().await?;
    let cookies: Vec<_> = cookies.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
    Ok((cookies.join("; "), response))
}

fn post(to: &Demo, cookies: &str, response: &str) -> String {
    let body = format!("response={}", byte_serialize(response.as_bytes()).collect::<String>());
    let mut stream = TcpStream::connect(to.address()).expect("the demo listens");
    write!(
        stream,
        "POST /login/passkey HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the demo takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the demo answers");
    answer
}

/// An address is no name that passkeys could be for: pages there say where to go.
async fn at_an_address(page: WebDriver, demo: &Demo) -> WebDriverResult<()> {
    page.goto(format!("http://{}/login?next=%2Fme", demo.address())).await?;
    assert_eq!(text(&page, "#elsewhere a").await?, demo.origin());
    assert!(page.find_all(By::Css(BUTTON)).await?.is_empty());
    look(&page, "login-elsewhere").await?;
    follow(&page, "#elsewhere a").await?;
    find(&page, BUTTON).await?;
    assert_eq!(path(&page).await?, "/login?next=%2Fme");
    Ok(())
}

/// Runs each visit against each demo, on a new server and in a new browser.
macro_rules! visits {
    ($($visit:ident),*) => {
        mod axum {$(
            #[tokio::test]
            async fn $visit() {
                let demo = super::Demo::start("axum-demo", &[]);
                super::visit(|page| super::$visit(page, &demo)).await;
            }
        )*}
        mod actix {$(
            #[tokio::test]
            async fn $visit() {
                let demo = super::Demo::start("actix-demo", &[]);
                super::visit(|page| super::$visit(page, &demo)).await;
            }
        )*}
    };
}
visits!(
    sign_in_without_a_password,
    second_step_and_trusted_browser,
    beside_an_app,
    cancelled,
    two_keys_of_which_one_is_removed,
    signed_for_another_origin,
    at_an_address
);
