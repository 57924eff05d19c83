//! What every adapter writes of its framework's types and its own, in the same words.

/// Writes down, for the version of `http` whose module `header` is given, how an adapter calls the headers that core reads and
/// writes (`key`, `name`), and how it writes core's values (`native`). The adapters differ in that version only.
#[doc(hidden)]
#[macro_export]
macro_rules! native_headers {
    (@constant $header:ident, $text:ident, $($known:literal),* $(,)?) => {
        match $text {
            $($known => const { $header::HeaderValue::from_static($known) },)*
            other => $header::HeaderValue::from_static(other),
        }
    };
    ($header:ident) => {
        /// The well-known names cost no hash of their text, the others no look at each letter.
        #[inline]
        fn key(header: $crate::http::Header) -> $header::HeaderName {
            use $crate::http::Header;
            match header {
                Header::Accept => $header::ACCEPT,
                Header::Authorization => $header::AUTHORIZATION,
                Header::ContentType => $header::CONTENT_TYPE,
                Header::Cookie => $header::COOKIE,
                Header::Forwarded => $header::FORWARDED,
                Header::Host => $header::HOST,
                Header::Origin => $header::ORIGIN,
                Header::Upgrade => $header::UPGRADE,
                Header::UserAgent => $header::USER_AGENT,
                Header::SecFetchDest => {
                    const { $header::HeaderName::from_static(Header::SecFetchDest.name()) }
                }
                Header::SecFetchMode => {
                    const { $header::HeaderName::from_static(Header::SecFetchMode.name()) }
                }
                Header::SecFetchSite => {
                    const { $header::HeaderName::from_static(Header::SecFetchSite.name()) }
                }
                Header::XRequestedWith => {
                    const { $header::HeaderName::from_static(Header::XRequestedWith.name()) }
                }
                other => $header::HeaderName::from_static(other.name()),
            }
        }

        /// The well-known names cost no parse of their text.
        fn name(header: $crate::http::ResponseHeader) -> $header::HeaderName {
            use $crate::http::ResponseHeader;
            match header {
                ResponseHeader::CacheControl => $header::CACHE_CONTROL,
                ResponseHeader::ContentType => $header::CONTENT_TYPE,
                ResponseHeader::Location => $header::LOCATION,
                ResponseHeader::RetryAfter => $header::RETRY_AFTER,
                ResponseHeader::SetCookie => $header::SET_COOKIE,
                ResponseHeader::Vary => $header::VARY,
                ResponseHeader::WwwAuthenticate => $header::WWW_AUTHENTICATE,
                other => $header::HeaderName::from_static(other.name()),
            }
        }

        fn native(value: ::std::borrow::Cow<'static, str>) -> Option<$header::HeaderValue> {
            match value {
                ::std::borrow::Cow::Borrowed(text) => Some(constant(text)),
                ::std::borrow::Cow::Owned(text) => $header::HeaderValue::try_from(text).ok(),
            }
        }

        /// Core's constants, all visible ASCII. Those of most responses are checked when this is compiled.
        fn constant(text: &'static str) -> $header::HeaderValue {
            $crate::native_headers!(
                @constant $header, text,
                "Cookie",
                "Authorization",
                "Authorization, Cookie",
                "no-store",
                "Cookie, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
                "Authorization, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
                "Authorization, Cookie, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
                "application/problem+json",
                "text/html; charset=utf-8",
            )
        }
    };
}

/// Writes down what an adapter's handles, which wrap core's so that they can be extractors, are in every framework: what they
/// stand for, a clone of the same, and a name in a log.
#[doc(hidden)]
#[macro_export]
macro_rules! native_handles {
    // The user as an extractor gives it; some ask more of who is calling.
    (@user $user:ident $(, $within:ident)?) => {
        impl<U $(, const $within: u64)?> ::std::ops::Deref for $user<U $(, $within)?> {
            type Target = U;

            fn deref(&self) -> &U {
                &self.0
            }
        }

        impl<U $(, const $within: u64)?> Clone for $user<U $(, $within)?> {
            fn clone(&self) -> Self {
                Self(::std::sync::Arc::clone(&self.0))
            }
        }

        impl<U: $crate::User $(, const $within: u64)?> ::std::fmt::Debug for $user<U $(, $within)?> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($user)).field(&self.0.id()).finish()
            }
        }
    };
    ($user:ident, $session:ident, $login:ident) => {
        $crate::native_handles!(@user $user);

        impl<U> ::std::ops::Deref for $session<U> {
            type Target = $crate::Session<U>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<U> Clone for $session<U> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<U: $crate::User> ::std::fmt::Debug for $session<U> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<U: $crate::User> $session<U> {
            /// As [`auth_core::Session::login`], with an answer of this framework.
            ///
            /// # Errors
            /// As [`auth_core::Session::login`].
            pub async fn login(
                &self,
                authenticated: $crate::Authenticated<U>,
            ) -> Result<$login<U>, $crate::session::SessionError> {
                self.0.login(authenticated).await.map($login)
            }
        }

        impl<U: $crate::User> $session<U> {
            /// As [`auth_core::Session::add`], with an answer of this framework.
            ///
            /// # Errors
            /// As [`auth_core::Session::add`].
            pub async fn add(
                &self,
                authenticated: $crate::Authenticated<U>,
            ) -> Result<$login<U>, $crate::session::SessionError> {
                self.0.add(authenticated).await.map($login)
            }

            /// As [`auth_core::Session::add_code`], with an answer of this framework.
            ///
            /// # Errors
            /// As [`auth_core::Session::add_code`].
            pub async fn add_code(
                &self,
                code: impl Into<$crate::Secret>,
            ) -> Result<$login<U>, $crate::session::SessionError> {
                self.0.add_code(code).await.map($login)
            }

            /// As [`auth_core::Session::login_registered`], with an answer of this framework.
            ///
            /// # Errors
            /// As [`auth_core::Session::login_registered`].
            pub async fn login_registered(
                &self,
                backend: &str,
                registered: $crate::backend::Registered<U>,
            ) -> Result<$login<U>, $crate::session::SessionError> {
                self.0.login_registered(backend, registered).await.map($login)
            }

            /// As [`auth_core::Session::finish_login`], with an answer of this framework.
            ///
            /// # Errors
            /// As [`auth_core::Session::finish_login`].
            pub async fn finish_login(&self) -> Result<$login<U>, $crate::session::SessionError> {
                self.0.finish_login().await.map($login)
            }
        }

        impl<U: $crate::User> ::std::convert::From<$crate::http::Login<U>> for $login<U> {
            fn from(login: $crate::http::Login<U>) -> Self {
                Self(login)
            }
        }

        impl<U: $crate::User> ::std::ops::Deref for $login<U> {
            type Target = $crate::http::Login<U>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}
