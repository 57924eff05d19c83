//! A real browser in tests: Chromium, driven through `ChromeDriver`.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel};

use crate::process::Process;

/// The browser asks nobody for anything but the page under test, and runs as any user.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
];

/// How long a page may take to show something.
const PATIENCE: Duration = Duration::from_secs(120);
const INTERVAL: Duration = Duration::from_millis(50);

/// Visits a site with a new browser: no cookies, no history. It is closed afterwards, also after a panic.
///
/// # Panics
/// If the browser is missing or the visit fails.
pub async fn visit<V, F>(visit: V)
where
    V: FnOnce(WebDriver) -> F,
    F: Future<Output = WebDriverResult<()>>,
{
    let server = ChromeDriver::start();
    // The driver's HTTP client has TLS where another crate of the build wants it, and then needs cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let driver = WebDriver::new(server.url.clone(), server.capabilities()).await;
    let driver = driver.expect("Chromium starts: run scripts/setup");
    driver.set_script_timeout(PATIENCE).await.expect("the browser waits for scripts");
    driver.run_and_quit(visit).await.expect("the visit goes through");
}

/// The first element that the selector finds, waited for.
///
/// # Errors
/// If it does not appear.
pub async fn find(page: &WebDriver, css: &str) -> WebDriverResult<WebElement> {
    page.query(By::Css(css)).wait(PATIENCE, INTERVAL).first().await
}

/// The text of the first element that the selector finds.
///
/// # Errors
/// As [`find`].
pub async fn text(page: &WebDriver, css: &str) -> WebDriverResult<String> {
    find(page, css).await?.text().await
}

/// Clicks what leads to another page, and waits until this one is gone.
///
/// # Errors
/// As [`find`], or if the page stays.
pub async fn follow(page: &WebDriver, css: &str) -> WebDriverResult<()> {
    let element = find(page, css).await?;
    element.click().await?;
    element.wait_until().wait(PATIENCE, INTERVAL).stale().await
}

/// The path and query of the page that is shown.
///
/// # Errors
/// If the browser is gone.
pub async fn path(page: &WebDriver) -> WebDriverResult<String> {
    let url = page.current_url().await?;
    Ok(url[url::Position::BeforePath..].to_owned())
}

/// What the browser complains of since this was last asked: errors of scripts, and what a page's policy forbids. That an answer
/// has an error's status is no complaint.
///
/// # Errors
/// If the browser is gone.
pub async fn complaints(page: &WebDriver) -> WebDriverResult<Vec<String>> {
    let log = page.browser_log().await?;
    let own = log.into_iter().filter(|entry| entry.source.as_deref() != Some("network"));
    Ok(own.map(|entry| format!("{}: {}", entry.level, entry.message)).collect())
}

/// What a page is looked at with.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Its width in CSS pixels.
    pub width: u32,
    /// Whether its user prefers dark pages.
    pub is_dark: bool,
}

impl Screen {
    /// As wide as a phone that is held upright.
    pub const PHONE: Self = Self { width: 390, is_dark: false };
    /// A window on a desk.
    pub const DESK: Self = Self { width: 1_280, is_dark: false };

    /// The same at night.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// Shows the page as it is on this screen.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn show(self, page: &WebDriver) -> WebDriverResult<()> {
        let (tools, is_phone) = (page.cdp(), self.width < 600);
        let size = json!({"width": self.width, "height": 1400, "deviceScaleFactor": 1, "mobile": is_phone});
        tools.send_raw("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = if self.is_dark { "dark" } else { "light" };
        // Pictures are of how things are, and not of how they become so.
        let media = json!({"media": "", "features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        tools.send_raw("Emulation.setEmulatedMedia", media).await.map(drop)
    }
}

/// Shows the page as it is printed.
///
/// # Errors
/// If the browser is gone.
pub async fn print(page: &WebDriver) -> WebDriverResult<()> {
    page.cdp().send_raw("Emulation.setEmulatedMedia", json!({"media": "print"})).await.map(drop)
}

/// How much wider the page is than its window, which people then have to move sideways.
///
/// # Errors
/// If the browser is gone.
pub async fn overflow(page: &WebDriver) -> WebDriverResult<i64> {
    let root = "document.documentElement";
    let script = format!("return {root}.scrollWidth - {root}.clientWidth");
    page.execute(script, Vec::new()).await?.convert()
}

/// Looks at the page on a phone, where it must fit, and on a desk, by day and by night: nothing of it keeps people out who
/// see or move differently.
///
/// # Errors
/// If the browser is gone.
///
/// # Panics
/// If the page is wider than a phone, or axe finds something.
pub async fn look(page: &WebDriver, name: &str) -> WebDriverResult<()> {
    for (screen, suffix) in [
        (Screen::PHONE, "-phone"),
        (Screen::PHONE.dark(), "-phone-dark"),
        (Screen::DESK.dark(), "-dark"),
        (Screen::DESK, ""),
    ] {
        screen.show(page).await?;
        assert_eq!(overflow(page).await?, 0, "{name}{suffix} is wider than its window");
        assert_eq!(barriers(page).await?, [""; 0], "{name}{suffix}");
        keep_picture(page, &format!("{name}{suffix}")).await?;
    }
    Ok(())
}

/// What axe finds on the page that keeps people out, with the elements at fault.
///
/// # Errors
/// If the browser is gone, or axe does not run.
///
/// # Panics
/// If axe is not installed.
pub async fn barriers(page: &WebDriver) -> WebDriverResult<Vec<String>> {
    page.execute(axe(), Vec::new()).await?;
    page.execute_async(RUN_AXE, Vec::new()).await?.convert()
}

/// All rules, best practices among them. What cannot be decided without a person is no violation.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const told = violation => violation.nodes.map(node =>
        `${violation.id} (${violation.impact}): ${violation.help}: ${node.html}: ${node.failureSummary}`);
    axe.run(document, { resultTypes: ['violations'] })
        .then(results => done(results.violations.flatMap(told)), error => done([`axe: ${error}`]));";

/// The program that looks for barriers.
fn axe() -> &'static str {
    static AXE: LazyLock<String> = LazyLock::new(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/node/node_modules/axe-core/axe.min.js");
        fs::read_to_string(path).expect("axe-core is installed: run scripts/setup")
    });
    &AXE
}

/// Keeps what the page looks like where `PICTURES` says.
///
/// # Errors
/// If the browser is gone.
pub async fn keep_picture(page: &WebDriver, name: &str) -> WebDriverResult<()> {
    match std::env::var_os("PICTURES") {
        Some(folder) => page.screenshot(&Path::new(&folder).join(format!("{name}.png"))).await,
        None => Ok(()),
    }
}

/// A device that the browser makes up, and that keeps passkeys.
#[derive(Debug)]
pub struct Device(String);

impl Device {
    /// A part of this machine, whose owner touches it whenever it asks, and is verified.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn built_in(page: &WebDriver) -> WebDriverResult<Self> {
        Self::plug_in(page, "internal").await
    }

    /// A security key in the same owner's hand.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn security_key(page: &WebDriver) -> WebDriverResult<Self> {
        Self::plug_in(page, "usb").await
    }

    async fn plug_in(page: &WebDriver, transport: &str) -> WebDriverResult<Self> {
        page.cdp().send_raw("WebAuthn.enable", json!({})).await?;
        let options = json!({
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        let made =
            page.cdp().send_raw("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await?;
        Ok(Self(made["authenticatorId"].as_str().unwrap_or_default().into()))
    }

    /// Whether its owner is there to touch it.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn touches(&self, page: &WebDriver, touches: bool) -> WebDriverResult<()> {
        let values = json!({ "authenticatorId": self.0, "enabled": touches });
        page.cdp().send_raw("WebAuthn.setAutomaticPresenceSimulation", values).await.map(drop)
    }

    /// Whether it knows its owner: by finger, face or PIN.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn verifies(&self, page: &WebDriver, verifies: bool) -> WebDriverResult<()> {
        let values = json!({ "authenticatorId": self.0, "isUserVerified": verifies });
        page.cdp().send_raw("WebAuthn.setUserVerified", values).await.map(drop)
    }
}

/// How the ceremony of the page's form for passkeys ended, waited for.
///
/// # Errors
/// If it does not end.
pub async fn passkey_state(page: &WebDriver) -> WebDriverResult<String> {
    let form = find(page, "form[data-passkey-state]:not([data-passkey-state=waiting])").await?;
    Ok(form.attr("data-passkey-state").await?.unwrap_or_default())
}

/// A running `ChromeDriver` with a home of its own.
struct ChromeDriver {
    url: String,
    // Before its home: fields are dropped in order, and a running browser would write into it again.
    _process: Process,
    home: TempDir,
}

impl ChromeDriver {
    fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new("chromedriver");
        // No `--allowed-ips`: with it, it would listen on every interface.
        command.arg("--port=0").env("TMPDIR", home.path()).env("HOME", home.path());
        let process = Process::start(&mut command);
        let line = process.line_with("started successfully on port ");
        let port: String = line.chars().filter(char::is_ascii_digit).collect();
        Self { url: format!("http://127.0.0.1:{port}"), _process: process, home }
    }

    fn capabilities(&self) -> ChromeCapabilities {
        let mut capabilities = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", self.home.path().join("profile").display());
        for argument in ARGUMENTS.into_iter().chain([profile.as_str()]) {
            capabilities.add_arg(argument).expect("arguments are plain text");
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).expect("levels are plain text");
        capabilities
    }
}
