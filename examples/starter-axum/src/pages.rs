//! The pages, in `templates/`. What people typed is escaped there.

use askama::Template;
use auth_core::api_keys::ApiKey;
use axum::response::Html;

use crate::Customer;

/// A page; who is signed in is shown on each.
pub fn page(page: impl Template) -> Html<String> {
    Html(page.render().expect("nothing in a template fails"))
}

#[derive(Template)]
#[template(path = "home.html")]
pub struct Home<'a> { pub user: Option<&'a Customer> }

#[derive(Template, Default)]
#[template(path = "login.html")]
pub struct Login<'a> { pub user: Option<&'a Customer>, pub username: &'a str, pub wrong: Option<&'a str> }

#[derive(Template, Default)]
#[template(path = "register.html")]
pub struct Register<'a> {
    pub user: Option<&'a Customer>,
    pub username: &'a str,
    pub display_name: &'a str,
    pub email: &'a str,
    pub wrong: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> { pub user: Option<&'a Customer>, pub keys: &'a [ApiKey], pub new_key: Option<&'a str> }

#[derive(Template)]
#[template(path = "error.html")]
pub struct Error<'a> { pub user: Option<&'a Customer>, pub status: u16 }
