//! The page's script and a real browser's devices: Chromium makes and uses passkeys on a site that is made of forms.

// What all tests that drive a browser share; some of it is for other pages than these.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../../tests/src/browser.rs"]
mod chromium;
mod site;

/// Where the shared file finds it.
mod process {
    pub(crate) use test_servers::Process;
}

use chromium::{Device, find, follow, passkey_state as state, visit};
use serde_json::json;
use site::Site;
use thirtyfour::prelude::*;

/// Registers a passkey by the form of the account's page.
async fn register(page: &WebDriver, site: &Site) -> WebDriverResult<String> {
    page.goto(site.url("/account")).await?;
    follow(page, "form[data-passkey=register] button").await?;
    find(page, "body").await?.text().await
}

async fn sign_in(page: &WebDriver, site: &Site, path: &str) -> WebDriverResult<String> {
    page.goto(site.url(path)).await?;
    follow(page, "form[data-passkey] button").await?;
    find(page, "body").await?.text().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_made_and_used() {
    let site = Site::start().await;
    visit(|page| async move {
        let _device = Device::built_in(&page).await?;
        assert_eq!(register(&page, &site).await?, "registered");
        for _ in 0..2 {
            assert_eq!(sign_in(&page, &site, "/login").await?, "local/alice by [Passkey, UserVerification]");
        }
        assert_eq!(sign_in(&page, &site, "/second").await?, "local/alice by [Passkey, UserVerification]");
        Ok(())
    })
    .await;
}

/// Firefox and Safari had none of the functions for JSON for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_browsers_do_without_the_functions_for_json() {
    let site = Site::start().await;
    visit(|page| async move {
        let _device = Device::built_in(&page).await?;
        let script = "for (const of of [PublicKeyCredential, PublicKeyCredential.prototype]) {
            for (const name of ['parseCreationOptionsFromJSON', 'parseRequestOptionsFromJSON', 'toJSON']) delete of[name];
        }";
        page.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        assert_eq!(register(&page, &site).await?, "registered");
        assert_eq!(sign_in(&page, &site, "/login").await?, "local/alice by [Passkey, UserVerification]");
        page.goto(site.url("/account")).await?;
        find(&page, "form button").await?.click().await?;
        assert_eq!(state(&page).await?, "registered", "what is left out is understood");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_said() {
    let site = Site::start().await;
    visit(|page| async move {
        let device = Device::built_in(&page).await?;
        assert_eq!(register(&page, &site).await?, "registered");
        page.goto(site.url("/account")).await?;
        find(&page, "form button").await?.click().await?;
        assert_eq!(state(&page).await?, "registered");
        let message = find(&page, "[data-passkey-message]").await?.text().await?;
        assert!(message.contains("sign in with it"), "{message}");

        device.verifies(&page, false).await?;
        page.goto(site.url("/login")).await?;
        find(&page, "form button").await?.click().await?;
        assert_eq!(state(&page).await?, "cancelled", "whoever is not verified signs in by nothing");
        device.verifies(&page, true).await?;
        assert_eq!(sign_in(&page, &site, "/login").await?, "local/alice by [Passkey, UserVerification]");
        Ok(())
    })
    .await;
}

/// A device with a single passkey and no screen has chosen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_field_offers_passkeys() {
    let site = Site::start().await;
    visit(|page| async move {
        let _device = Device::built_in(&page).await?;
        assert_eq!(register(&page, &site).await?, "registered");
        page.goto(site.url("/autofill")).await?;
        let signed_in = find(&page, "#signed-in").await?.text().await?;
        assert_eq!(signed_in, "local/alice by [Passkey, UserVerification]");
        Ok(())
    })
    .await;
}

/// A browser refuses a second request while another waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_takes_over_from_the_name_field() {
    let site = Site::start().await;
    visit(|page| async move {
        let device = Device::built_in(&page).await?;
        assert_eq!(register(&page, &site).await?, "registered");
        device.touches(&page, false).await?;
        let script = "const { get } = navigator.credentials;
            navigator.credentials.get = (options) => {
                const promise = get.call(navigator.credentials, options);
                document.documentElement.dataset.asked = (asked += 1);
                return promise;
            };
            let asked = 0;";
        page.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        page.goto(site.url("/autofill")).await?;
        find(&page, "[data-asked='1']").await?;
        find(&page, "form button").await?.click().await?;
        find(&page, "[data-asked='2']").await?;
        assert_eq!(find(&page, "form").await?.attr("data-passkey-state").await?.as_deref(), Some("waiting"));
        // And so does a second click from the first.
        device.touches(&page, true).await?;
        find(&page, "form button").await?.click().await?;
        let signed_in = find(&page, "#signed-in").await?.text().await?;
        assert_eq!(signed_in, "local/alice by [Passkey, UserVerification]");
        Ok(())
    })
    .await;
}
