//! nginx.

use std::fmt::Write as _;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use crate::server::program;
use crate::{Program, Server};

/// An nginx that passes requests on to a site, as the proxy in front of it.
///
/// ```
/// use test_servers::Nginx;
///
/// let nginx = Nginx::before("127.0.0.1:8080")
///     .with_users(&[("alice", "alicepw")])
///     .with("proxy_set_header", "X-Remote-User $remote_user")
///     .start();
/// assert!(nginx.url().starts_with("http://127.0.0.1:"));
/// ```
#[derive(Debug)]
pub struct Nginx {
    server: Server,
}

/// How an [`Nginx`] is configured.
#[derive(Clone, Debug)]
pub struct NginxOptions {
    upstream: String,
    directives: String,
    locations: String,
    users: String,
}

impl Nginx {
    /// A proxy before the site at this address, such as `127.0.0.1:8080`.
    ///
    /// It tells the site what host the client named, and leaves all of the client's other headers as they are.
    pub fn before(address: &str) -> NginxOptions {
        NginxOptions {
            upstream: format!("http://{address}"),
            directives: String::new(),
            locations: String::new(),
            users: String::new(),
        }
    }

    /// A proxy before the site that listens on this Unix socket.
    pub fn before_socket(socket: &Path) -> NginxOptions {
        Self::before(&format!("unix:{}:", socket.display()))
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

impl NginxOptions {
    /// With a directive for all requests, such as `underscores_in_headers` and `on`.
    #[must_use]
    pub fn with(mut self, directive: &str, value: &str) -> Self {
        _ = writeln!(self.directives, "{directive} {value};");
        self
    }

    /// Asks for the name and password (HTTP Basic) of one of these: the name is then `$remote_user`.
    #[must_use]
    pub fn with_users(mut self, users: &[(&str, &str)]) -> Self {
        for (name, password) in users {
            _ = writeln!(self.users, "{name}:{{PLAIN}}{password}");
        }
        self.with("auth_basic", "tests").with("auth_basic_user_file", "users")
    }

    /// Asks the service at this URL about each request (`auth_request`): it passes if the answer is 2xx, whose
    /// headers are then variables, `X-Auth-User` for instance `$upstream_http_x_auth_user`, and to be taken over
    /// with the directive `auth_request_set`.
    #[must_use]
    pub fn with_auth_request(mut self, url: &str) -> Self {
        // What is asked must not be asked about.
        _ = writeln!(
            self.locations,
            "location = /.auth {{ internal; auth_request off; auth_basic off; proxy_pass {url}; \
             proxy_pass_request_body off; proxy_set_header Content-Length ''; }}"
        );
        self.with("auth_request", "/.auth")
    }

    /// Starts the proxy.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start(self) -> Nginx {
        let program = Program {
            name: "nginx",
            package: "nginx",
            // Said when it listens.
            ready: "getrlimit(RLIMIT_NOFILE)",
            command: Box::new(move |folder, port| self.command(folder, port)),
        };
        Nginx { server: Server::start(program) }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let files = [("users", &self.users), ("nginx.conf", &self.configuration(port))];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file can be made in the folder");
        }
        let mut command = Command::new(program("nginx"));
        // The log from the start on: else it would first be the one of the system.
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        command
    }

    fn configuration(&self, port: u16) -> String {
        let Self { upstream, directives, locations, .. } = self;
        // One process, with the rights of the test: others could not read the folder.
        format!(
            "daemon off;\n\
             master_process off;\n\
             error_log stderr notice;\n\
             pid nginx.pid;\n\
             events {{ }}\n\
             http {{\n\
             access_log off;\n\
             client_body_temp_path bodies;\n\
             proxy_temp_path replies;\n\
             fastcgi_temp_path unused;\n\
             uwsgi_temp_path unused;\n\
             scgi_temp_path unused;\n\
             server {{\n\
             listen 127.0.0.1:{port};\n\
             proxy_set_header Host $http_host;\n\
             {directives}\
             {locations}\
             location / {{ proxy_pass {upstream}; }}\n\
             }}\n\
             }}\n"
        )
    }
}

impl Deref for Nginx {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Nginx {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
