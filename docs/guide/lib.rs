//! The pages of the guide and the README as modules, so that every block of Rust in them is compiled and, unless it says
//! `no_run`, run: `cargo test --doc -p guide`. `tests/pages.rs` sees that none is missing.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}

    #[doc = include_str!("src/introduction.md")]
    mod introduction {}

    #[doc = include_str!("src/quick-start-axum.md")]
    mod quick_start_axum {}

    #[doc = include_str!("src/quick-start-actix.md")]
    mod quick_start_actix {}

    #[doc = include_str!("src/requests.md")]
    mod requests {}

    #[doc = include_str!("src/users.md")]
    mod users {}

    #[doc = include_str!("src/registration.md")]
    mod registration {}

    #[doc = include_str!("src/passwords-and-devices.md")]
    mod passwords_and_devices {}

    #[doc = include_str!("src/sessions.md")]
    mod sessions {}

    #[doc = include_str!("src/permissions.md")]
    mod permissions {}

    #[doc = include_str!("src/apis.md")]
    mod apis {}

    #[doc = include_str!("src/proxies.md")]
    mod proxies {}

    #[doc = include_str!("src/outside-users.md")]
    mod outside_users {}

    #[doc = include_str!("src/second-factors.md")]
    mod second_factors {}

    #[doc = include_str!("src/long-connections.md")]
    mod long_connections {}

    #[doc = include_str!("src/operations.md")]
    mod operations {}

    #[doc = include_str!("src/testing.md")]
    mod testing {}

    #[doc = include_str!("src/security-checklist.md")]
    mod security_checklist {}

    #[doc = include_str!("src/troubleshooting.md")]
    mod troubleshooting {}

    #[doc = include_str!("src/from-axum-login.md")]
    mod from_axum_login {}

    #[doc = include_str!("src/from-actix.md")]
    mod from_actix {}

    #[doc = include_str!("src/from-django.md")]
    mod from_django {}
}
