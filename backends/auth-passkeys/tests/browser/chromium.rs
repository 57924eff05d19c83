//! Chromium, with a device that it makes up.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::tempdir;
use test_servers::Process;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities};

/// The browser asks nobody for anything but the page under test, and runs as any user.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
];

const PATIENCE: Duration = Duration::from_secs(120);
const INTERVAL: Duration = Duration::from_millis(50);

/// Visits a site with a new browser, which is closed afterwards, also after a panic.
pub(crate) async fn visit<F>(visit: impl FnOnce(WebDriver) -> F)
where
    F: Future<Output = WebDriverResult<()>>,
{
    let home = tempdir().unwrap();
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").env("TMPDIR", home.path()).env("HOME", home.path());
    let process = Process::start(&mut command);
    let line = process.line_with("started successfully on port ");
    let port: String = line.chars().filter(char::is_ascii_digit).collect();
    let mut capabilities = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", home.path().join("profile").display());
    for argument in ARGUMENTS.into_iter().chain([profile.as_str()]) {
        capabilities.add_arg(argument).unwrap();
    }
    // The driver's HTTP client has TLS where another crate of the build wants it, and then needs cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await;
    let driver = driver.expect("Chromium starts: run scripts/setup");
    driver.run_and_quit(visit).await.expect("the visit goes through");
}

/// The first element that the selector finds, waited for.
pub(crate) async fn find(page: &WebDriver, css: &str) -> WebDriverResult<WebElement> {
    page.query(By::Css(css)).wait(PATIENCE, INTERVAL).first().await
}

/// Clicks what leads to another page, and waits until this one is gone.
pub(crate) async fn follow(page: &WebDriver, css: &str) -> WebDriverResult<()> {
    let element = find(page, css).await?;
    element.click().await?;
    element.wait_until().wait(PATIENCE, INTERVAL).stale().await
}

/// How the ceremony of the page's form ended.
pub(crate) async fn state(page: &WebDriver) -> WebDriverResult<String> {
    let form = find(page, "form[data-passkey-state]:not([data-passkey-state=waiting])").await?;
    Ok(form.attr("data-passkey-state").await?.unwrap_or_default())
}

pub(crate) async fn command(page: &WebDriver, command: &str, values: Value) -> WebDriverResult<Value> {
    page.cdp().send_raw(command, values).await
}

/// A device of this machine that keeps passkeys, and whose owner touches it whenever it asks.
pub(crate) struct Device(String);

impl Device {
    pub(crate) async fn plug_in(page: &WebDriver, verifies: bool) -> WebDriverResult<Self> {
        command(page, "WebAuthn.enable", json!({})).await?;
        let options = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": true,
        });
        let made = command(page, "WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await?;
        Ok(Self(made["authenticatorId"].as_str().unwrap_or_default().into()))
    }

    /// Whether its owner is there to touch it.
    pub(crate) async fn touches(&self, page: &WebDriver, touches: bool) -> WebDriverResult<()> {
        let values = json!({ "authenticatorId": self.0, "enabled": touches });
        command(page, "WebAuthn.setAutomaticPresenceSimulation", values).await.map(drop)
    }

    pub(crate) async fn verifies(&self, page: &WebDriver, verifies: bool) -> WebDriverResult<()> {
        let values = json!({ "authenticatorId": self.0, "isUserVerified": verifies });
        command(page, "WebAuthn.setUserVerified", values).await.map(drop)
    }
}
