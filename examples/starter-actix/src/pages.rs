//! The pages, in `templates/`. What people typed is escaped there.

use actix_web::{HttpResponse, HttpResponseBuilder, http::header::ContentType};
use askama::Template;
use auth_core::api_keys::ApiKey;

use crate::Customer;

pub fn text(page: impl Template) -> String {
    page.render().expect("nothing in a template fails")
}

/// A page as a response; who is signed in is shown on each.
pub fn page(mut response: HttpResponseBuilder, page: impl Template) -> HttpResponse {
    response.content_type(ContentType::html()).body(text(page))
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
