//! The databases and roles of one test: a control store and a managed database, and a role for each purpose with just
//! what it needs, as the product itself plans it. No role of the daemon is a superuser.

use std::sync::atomic::{AtomicU32, Ordering};

use pgsteward::model::privileges::{Place, PurposeRoles, setup};
use tokio_postgres::{Client, Config, NoTls, types::FromSqlOwned};

use super::cluster::{PASSWORD, SUPERUSER, cluster};

/// What the URLs have in place of [`PASSWORD`].
const PASSWORD_IN_URL: &str = "s3cret%3A%2F%40%25%27%22";

/// Takes away what the migrator grants by default, for tests in which schemas say so themselves; for [`Databases::named`].
pub(crate) const NO_DEFAULT_PRIVILEGES: &str = "
    ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE ALL ON TABLES FROM $app;
    ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE ALL ON SEQUENCES FROM $app;
    ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE ALL ON SCHEMAS FROM $app;";

/// One test's part of the cluster. Nothing is dropped at the test's end: the cluster goes as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Databases {
    /// The first part of every name, unique in the cluster.
    prefix: String,
}

impl Databases {
    /// Makes the roles and both databases.
    pub(crate) async fn create() -> Self {
        Self::create_with("").await
    }

    /// The same, where the managed database is made with these options of CREATE DATABASE, e.g. `ENCODING 'LATIN1'`.
    pub(crate) async fn create_with(options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let databases = Self {
            prefix: format!("t{number}"),
        };
        let server = databases.superuser_in("postgres").await;
        let version: String = value(&server, "SELECT current_setting('server_version_num')").await;
        let steps = setup(&databases.purposes(), version.parse().unwrap());
        let of = |place| -> Vec<String> {
            let steps = steps.iter().filter(|step| step.place == place);
            steps.map(|step| step.statement.clone()).collect()
        };
        let (control, managed) = (databases.control(), databases.managed());
        run(&server, &of(Place::Server).join(";")).await;
        run(&server, &databases.logins()).await;
        // CREATE DATABASE can share neither a batch nor a transaction.
        for statement in [
            format!(
                "CREATE DATABASE {control} OWNER {} TEMPLATE template0",
                databases.role("owner")
            ),
            format!("REVOKE ALL ON DATABASE {control} FROM PUBLIC"),
            format!(
                "CREATE DATABASE {managed} OWNER {} TEMPLATE template0 {options}",
                databases.role("admin")
            ),
        ] {
            server.batch_execute(&statement).await.unwrap();
        }
        let outside = of(Place::Database).into_iter();
        // Everyone may connect to that one here, and its access list has no room for all tests at once.
        let outside = outside.filter(|statement| !statement.contains("DATABASE \"postgres\""));
        run(&server, &outside.collect::<Vec<_>>().join(";")).await;
        let inside = databases.superuser().await;
        run(&inside, &of(Place::Inside).join(";")).await;
        databases
    }

    /// The roles, as the product plans them; the application's is `app`.
    pub(crate) fn purposes(&self) -> PurposeRoles {
        PurposeRoles {
            database: self.managed(),
            server_database: "postgres".to_owned(),
            admin: self.role("admin"),
            migrator: self.role("migrator"),
            backup: self.role("backup"),
            maintenance: self.role("maintenance"),
            applications: vec![self.role("app")],
            read_only: Vec::new(),
            superusers: Vec::new(),
        }
    }

    /// The control store's role, and every role's password.
    fn logins(&self) -> String {
        let password = PASSWORD.replace('\'', "''");
        let control = format!(
            "CREATE ROLE {} LOGIN; CREATE ROLE {} LOGIN;",
            self.control(),
            self.role("owner")
        );
        let passwords = [
            "admin",
            "migrator",
            "backup",
            "maintenance",
            "app",
            "control",
            "owner",
        ]
        .map(|role| format!("ALTER ROLE {} PASSWORD '{password}';", self.role(role)));
        control + &passwords.concat()
    }

    /// The full name of one of the test's roles: `admin`, `migrator`, `backup`, `maintenance`, `app`, `control` or `owner`,
    /// which owns the control store.
    pub(crate) fn role(&self, role: &str) -> String {
        format!("{}_{role}", self.prefix)
    }

    /// The managed database's name on the server.
    pub(crate) fn managed(&self) -> String {
        self.role("app")
    }

    /// The control store's database.
    pub(crate) fn control(&self) -> String {
        self.role("control")
    }

    /// The URL of a role, by its short name, in a database, by its full name.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        let (role, port) = (self.role(role), cluster().port);
        format!("postgresql://{role}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// Statements with the test's own names: `$database` stands for the managed database, `$app` for the role of that
    /// short name, and so on.
    pub(crate) fn named(&self, statements: &str) -> String {
        let named = statements.replace("$database", &self.managed());
        ["admin", "migrator", "backup", "maintenance", "app"]
            .into_iter()
            .fold(named, |text, role| {
                text.replace(&format!("${role}"), &self.role(role))
            })
    }

    /// The superuser in the managed database.
    pub(crate) async fn superuser(&self) -> Client {
        self.superuser_in(&self.managed()).await
    }

    /// The superuser in the control store.
    pub(crate) async fn in_control(&self) -> Client {
        self.superuser_in(&self.control()).await
    }

    /// The superuser in any database.
    pub(crate) async fn superuser_in(&self, database: &str) -> Client {
        connect(SUPERUSER, database).await.unwrap()
    }

    /// One of the test's roles in the managed database.
    pub(crate) async fn connect(&self, role: &str) -> Result<Client, tokio_postgres::Error> {
        connect(&self.role(role), &self.managed()).await
    }

    /// Runs statements in the managed database as its migrator, which owns what they make.
    pub(crate) async fn run(&self, statements: &str) {
        let migrator = self.connect("migrator").await.unwrap();
        run(&migrator, statements).await;
    }

    /// Runs statements in the managed database as the superuser.
    pub(crate) async fn run_as_superuser(&self, statements: &str) {
        run(&self.superuser().await, statements).await;
    }

    /// One value from the managed database, as the superuser sees it.
    pub(crate) async fn value<T: FromSqlOwned>(&self, query: &str) -> T {
        value(&self.superuser().await, query).await
    }

    /// One value from the control store.
    pub(crate) async fn control_value<T: FromSqlOwned>(&self, query: &str) -> T {
        value(&self.in_control().await, query).await
    }

    /// The rows of one table of the managed database.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {table}")).await
    }

    /// The names of the databases that the daemon made beside this test's managed one: those that the admin role owns.
    pub(crate) async fn scratch_databases(&self) -> Vec<String> {
        let server = self.superuser_in("postgres").await;
        let rows = server
            .query(
                "SELECT datname::text FROM pg_database
                 WHERE pg_get_userbyid(datdba) = $1 AND datname <> $2 ORDER BY 1",
                &[&self.role("admin"), &self.managed()],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl Databases {
    /// Cuts the control store off, as the failure of its server would, or gives it back.
    pub(crate) async fn control_store_answers(&self, answers: bool) {
        let server = self.superuser_in("postgres").await;
        let database = self.control();
        let switch = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {answers}");
        run(&server, &switch).await;
        if !answers {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
            server.execute(end, &[&database]).await.unwrap();
        }
    }
}

/// Connects over TCP with the password.
pub(crate) async fn connect(role: &str, database: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host("127.0.0.1")
        .port(cluster().port)
        .user(role)
        .password(PASSWORD)
        .dbname(database)
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs statements; a failure shows them and all that the server said.
pub(crate) async fn run(client: &Client, statements: &str) {
    if let Err(error) = client.batch_execute(statements).await {
        panic!("{statements}: {error:?}");
    }
}

/// The one value that a query gives.
pub(crate) async fn value<T: FromSqlOwned>(client: &Client, query: &str) -> T {
    match client.query_one(query, &[]).await {
        Ok(row) => row.get(0),
        Err(error) => panic!("{query}: {error:?}"),
    }
}
