// Hidden set-up that the examples include: a site with one user, and requests to it.

mod site {
    use auth_tower::auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    use auth_tower::auth_core::{Auth, MemoryBackend, Password, Passwords, Secret, User, UserId};
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::response::Response;
    use http::Request;
    use http::request::Builder;
    use tower::ServiceExt as _;

    #[derive(Clone)]
    pub struct Member {
        pub id: i64,
        pub name: String,
    }

    impl User for Member {
        fn id(&self) -> UserId {
            UserId::from(self.id)
        }

        fn security_stamp(&self) -> &[u8] {
            b"changes with the password"
        }

        fn is_active(&self) -> bool {
            true
        }
    }

    pub fn alice() -> Member {
        Member { id: 1, name: "Alice".into() }
    }

    /// A configuration by which `alice` signs in with `wonderland`.
    pub async fn auth() -> Auth<Member> {
        let users = MemoryBackend::new(Passwords::new().unwrap());
        users.insert("alice", &Secret::new("wonderland"), alice()).await.unwrap();
        Auth::builder()
            .backend::<Password>("local", users)
            .sessions(MemorySessions::new(1_000), SessionConfig::new(KeyRing::generate().unwrap()))
            .login_page("/login")
            .build()
            .unwrap()
    }

    fn from_page(request: Builder) -> Builder {
        request.header("accept", "text/html").header("sec-fetch-site", "same-origin")
    }

    /// A browser's request for a page.
    pub fn page(path: &str) -> Request<Body> {
        from_page(Request::get(path)).body(Body::empty()).unwrap()
    }

    /// A form that a page of the site sent.
    pub fn form(path: &str, fields: &'static str) -> Request<Body> {
        let request = from_page(Request::post(path)).header("content-type", "application/x-www-form-urlencoded");
        request.body(Body::from(fields)).unwrap()
    }

    /// A request of a program.
    pub fn api(path: &str) -> Request<Body> {
        Request::get(path).header("accept", "application/json").body(Body::empty()).unwrap()
    }

    pub async fn send(app: &Router, request: Request<Body>) -> Response {
        app.clone().oneshot(request).await.unwrap()
    }

    pub async fn text(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}
