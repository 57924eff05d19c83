// Hidden set-up that the examples include: a site with one user, and requests to it.

#[macro_use]
mod site {
    use actix_web::test::TestRequest;
    use auth_actix::auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    use auth_actix::auth_core::{Auth, MemoryBackend, Password, Passwords, Secret, User, UserId};

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

    fn from_page(request: TestRequest) -> TestRequest {
        request.insert_header(("accept", "text/html")).insert_header(("sec-fetch-site", "same-origin"))
    }

    /// A browser's request for a page.
    pub fn page(path: &str) -> TestRequest {
        from_page(TestRequest::get().uri(path))
    }

    /// A form that a page of the site sent.
    pub fn form(path: &str, fields: &'static str) -> TestRequest {
        let request = from_page(TestRequest::post().uri(path));
        request.insert_header(("content-type", "application/x-www-form-urlencoded")).set_payload(fields)
    }

    /// A request of a program.
    pub fn api(path: &str) -> TestRequest {
        TestRequest::get().uri(path).insert_header(("accept", "application/json"))
    }

    /// The status, headers and body of the answer of an `App`.
    macro_rules! send {
        ($app:expr, $request:expr) => {{
            let app = actix_web::test::init_service($app).await;
            let response = actix_web::test::call_service(&app, $request.to_request()).await;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = actix_web::test::read_body(response).await;
            (status, headers, String::from_utf8(body.to_vec()).unwrap())
        }};
    }
}
