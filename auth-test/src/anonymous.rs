//! A visitor without a login.

use std::marker::PhantomData;

/// A visitor without a login: the counterpart of [`signed_in_as`](crate::signed_in_as). The type parameter is the user
/// type of the handlers.
///
/// ```
/// use auth_test::{TestUser, anonymous};
///
/// let visitor = anonymous::<TestUser>();
/// # let _ = visitor;
/// ```
pub fn anonymous<U>() -> Anonymous<U> {
    Anonymous { user: PhantomData }
}

/// A visitor without a login, made by [`anonymous`]. It becomes a `.layer()` (feature `tower`) or a `.middleware()`
/// (feature `actix`).
#[derive(Clone, Debug)]
#[must_use = "it is to be a layer"]
pub struct Anonymous<U> {
    user: PhantomData<fn() -> U>,
}
