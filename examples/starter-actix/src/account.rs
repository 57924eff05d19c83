//! Accounts: registration, login, API keys.

use actix_web::{HttpResponse, web::{Data, Form, Path, Query, Redirect}};
use auth_actix::{CurrentUser, Error, Session};
use auth_core::{Password, Secret, api_keys::NewApiKey, grant::Scopes};
use auth_sql::{NewUser, UserErrorKind};
use serde::Deserialize;

use crate::pages::{self, page};
use crate::{Customer, Site};

#[derive(Deserialize)]
pub struct Registration { username: String, display_name: String, email: String, password: Secret }

pub async fn register(
    site: Data<Site>,
    session: Session<Customer>,
    Form(Registration { username, display_name, email, password }): Form<Registration>,
) -> Result<HttpResponse, Error> {
    let again = |wrong: &str| {
        let form = pages::Register {
            user: None, username: &username, display_name: &display_name, email: &email, wrong: Some(wrong),
        };
        Ok(page(HttpResponse::UnprocessableEntity(), form))
    };
    if let Err(weak) = site.policy.check(&password, &[&username, &email, &display_name]) {
        return again(&weak.to_string());
    }
    let new = NewUser::new(&username).with_password(password);
    let new = new.with_column("email", email.as_str()).with_column("display_name", display_name.as_str());
    match site.users.register(new).await {
        // Who is there is signed in, without a second hash.
        Ok(registered) => Ok(session.login_registered("local", registered).await?.answer(Some("/account"))),
        Err(error) => match error.kind() {
            UserErrorKind::NameTaken => again("This user name is taken."),
            UserErrorKind::ValueTaken => again("This e-mail address is taken."),
            UserErrorKind::InvalidName => again("This cannot be a user name."),
            UserErrorKind::InvalidValue => again("Your name has 1 to 100 characters."),
            _ => Err(Error::unavailable(error)),
        },
    }
}

#[derive(Deserialize)]
pub struct Login { username: String, password: Secret }

#[derive(Deserialize)]
pub struct Target { next: Option<String> }

pub async fn log_in(
    session: Session<Customer>,
    target: Query<Target>,
    Form(Login { username, password }): Form<Login>,
) -> Result<HttpResponse, Error> {
    let proof = session.authenticate(Password::new(username.as_str(), password)).await.map_err(|denied| {
        let later = denied.retry_after().is_some(); // too many attempts, or an outage
        let wrong = if later { "Try again in a moment." } else { "That is not right." };
        let form = pages::Login { user: None, username: &username, wrong: Some(wrong) };
        Error::from(denied).with_page(pages::text(form))
    })?;
    Ok(session.login(proof).await?.answer(target.next.as_deref().or(Some("/account"))))
}

pub async fn log_out(session: Session<Customer>) -> Result<Redirect, Error> {
    session.logout().await?;
    Ok(Redirect::to("/").see_other())
}

pub async fn show(
    site: Data<Site>,
    session: Session<Customer>,
    user: CurrentUser<Customer>,
) -> Result<HttpResponse, Error> {
    let keys = session.list_api_keys(&site.keys).await?;
    Ok(page(HttpResponse::Ok(), pages::Account { user: Some(&user), keys: &keys, new_key: None }))
}

#[derive(Deserialize)]
pub struct KeyName { name: String }

pub async fn make_key(
    site: Data<Site>,
    session: Session<Customer>,
    user: CurrentUser<Customer>,
    form: Form<KeyName>,
) -> Result<HttpResponse, Error> {
    let Ok(new) = NewApiKey::new(form.name.as_str()) else { return Ok(HttpResponse::UnprocessableEntity().finish()) };
    let created = session.create_api_key(&site.keys, new.scopes(Scopes::all())).await?;
    let keys = session.list_api_keys(&site.keys).await?;
    let shown = pages::Account { user: Some(&user), keys: &keys, new_key: Some(created.key().expose()) };
    Ok(page(HttpResponse::Ok(), shown))
}

pub async fn revoke_key(site: Data<Site>, session: Session<Customer>, id: Path<String>) -> Result<Redirect, Error> {
    if let Ok(id) = id.parse() {
        session.revoke_api_key(&site.keys, id).await?; // only a key of the caller's
    }
    Ok(Redirect::to("/account").see_other())
}
