//! An Active Directory to try things with: the one of the tests. `scripts/active-directory` starts it.

use std::process::ExitCode;

use test_servers::ActiveDirectory;

fn main() -> ExitCode {
    let Some(directory) = ActiveDirectory::start_where_allowed() else {
        return ExitCode::FAILURE;
    };
    let (url, tls_url) = (directory.url(), directory.tls_url());
    let folder = directory.folder().display();
    println!(
        "An Active Directory is ready, until Ctrl-C.

  {url} (StartTLS) and {tls_url}
  its authority   {folder}/authority.pem
  people          alice in staff and admins, bob in staff, which is in everyone
  and others      disabled, mustchange, expired
  to search       service@example.test
  all passwords   {password}

LDAPTLS_CACERT={folder}/authority.pem ldapsearch -x -LLL -H {tls_url} \\
    -D service@example.test -w {password} -b {base} '(sAMAccountName=alice)' mail memberOf",
        base = ActiveDirectory::BASE,
        password = ActiveDirectory::PASSWORD,
    );
    // Whatever ends this process ends the directory, and removes its folder.
    loop {
        std::thread::park();
    }
}
