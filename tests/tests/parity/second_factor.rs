//! Second factors: who lacks one is nobody, by whichever door they came, on both adapters.

mod doors;
mod factors;
mod finish;
mod limits;
mod routes;
mod trusted;

use std::time::Duration;

use auth_core::second_factor::{Enrolled, Needs};
use integration_tests::accounts::Account;
use integration_tests::client::Client;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

const MINUTE: Duration = Duration::from_secs(60);

/// Everybody who has enrolled a factor is asked for it.
fn if_enrolled(_: &Account, enrolled: Enrolled) -> Needs {
    Needs::second_factor_if(enrolled)
}

/// Everybody needs one.
fn required(_: &Account, _: Enrolled) -> Needs {
    Needs::second_factor()
}

fn setup() -> Setup {
    Setup::default().second_factor(if_enrolled)
}

fn get(target: &str) -> Request {
    Request::get(target)
}

/// Sends the name and the password, as a browser sends a form.
async fn sign_in(client: &mut Client<'_>, name: &str, password: &str) -> Answer {
    let form = [("username", name), ("password", password), ("next", "/me?x=1")];
    client.send(Request::post("/login", &form).navigating()).await
}

/// A login of Alice's that waits for her code.
async fn begin(client: &mut Client<'_>) {
    let answer = sign_in(client, "alice", ALICE).await;
    assert_eq!((answer.status, answer.one("location")), (303, "/login/factor?next=/me%3Fx%3D1"));
}

async fn send_code(client: &mut Client<'_>, code: &str) -> Answer {
    client.send(Request::post("/act/code", &[("code", code), ("next", "/me?x=1")]).navigating()).await
}

/// Alice, by both factors.
async fn sign_in_with_code(client: &mut Client<'_>) {
    begin(client).await;
    let code = client.world.next_code();
    let answer = send_code(client, &code).await;
    assert_eq!((answer.status, answer.one("location")), (303, "/me?x=1"), "{answer:?}");
}

async fn act(client: &mut Client<'_>, action: &str, fields: &[(&str, &str)]) -> Answer {
    client.send(Request::post(&format!("/act/{action}"), fields).navigating()).await
}

async fn pending(client: &mut Client<'_>) -> String {
    client.get("/act/pending").await.body
}
