//! The keys of the listeners, of who may call, and of what callers may take.

use super::{
    Key,
    Shape::{Flag, Integer, Text},
    fixed, sample,
};

pub(super) const KEYS: &[Key] = &[
    fixed(
        "listen.grpc",
        Text("127.0.0.1:7432"),
        "Address and port of the TCP listener; port 0 takes a free one. Others than loopback need TLS and authentication.",
    ),
    sample(
        "listen.unix",
        Text("/run/pgsteward/pgsteward.sock"),
        "Path of a Unix socket beside it, where callers are known by their account; by default there is none.",
    ),
    fixed(
        "listen.unix_mode",
        Text("0660"),
        "Permission bits of the socket: which accounts may connect.",
    ),
    sample(
        "listen.tls.certificate",
        Text("/etc/pgsteward/tls/server.pem"),
        "Certificate of the TCP listener and those between it and its root, in PEM. Read again when the file changes.",
    ),
    sample(
        "listen.tls.key",
        Text("/etc/pgsteward/tls/server.key"),
        "Its private key in PEM.",
    ),
    sample(
        "listen.tls.client_ca",
        Text("/etc/pgsteward/tls/clients.pem"),
        "Roots of the certificates that callers show, in PEM; without it none are asked for.",
    ),
    fixed(
        "listen.tls.client_certificates",
        Text("optional"),
        "Whether a connection needs a client certificate: optional or required.",
    ),
    sample(
        "auth.loopback_role",
        Text("admin"),
        "What a caller on loopback without credentials may do, or none. Default: admin where nobody else is known, else none.",
    ),
    fixed(
        "auth.open_health",
        Flag(true),
        "Whether grpc.health.v1 answers callers without credentials.",
    ),
    fixed(
        "auth.open_reflection",
        Flag(true),
        "Whether server reflection answers callers without credentials.",
    ),
    sample(
        "auth.tokens.#.name",
        Text("deploy"),
        "The principal that the token stands for, as the audit log shows it.",
    ),
    sample(
        "auth.tokens.#.role",
        Text("operator"),
        "What it may do: viewer, operator or admin, on everything or on one database: viewer, operator on app.",
    ),
    sample(
        "auth.tokens.#.sha256",
        Text("0000000000000000000000000000000000000000000000000000000000000000"),
        "SHA-256 of the token in hexadecimal, as `pgsteward token new` prints it; the token is kept by its holder alone.",
    ),
    sample(
        "auth.certificates.#.name",
        Text("ci"),
        "The principal that a client certificate stands for; any of the names below is enough.",
    ),
    sample(
        "auth.certificates.#.role",
        Text("operator"),
        "What it may do, written like a token's role.",
    ),
    sample(
        "auth.certificates.#.dns",
        Text("ci.example.net"),
        "A host name among the certificate's alternative names.",
    ),
    sample(
        "auth.certificates.#.uri",
        Text("spiffe://example.net/ci"),
        "A URI among them, such as a SPIFFE id.",
    ),
    sample(
        "auth.certificates.#.email",
        Text("ci@example.net"),
        "An e-mail address among them.",
    ),
    sample(
        "auth.certificates.#.common_name",
        Text("ci"),
        "The common name of its subject.",
    ),
    sample(
        "auth.accounts.#.name",
        Text("operators"),
        "The principal that accounts on the Unix socket stand for. The daemon's own account is an admin unless it is listed.",
    ),
    sample(
        "auth.accounts.#.role",
        Text("operator"),
        "What it may do, written like a token's role.",
    ),
    sample(
        "auth.accounts.#.user",
        Text("deploy"),
        "The name of an account.",
    ),
    sample(
        "auth.accounts.#.group",
        Text("dba"),
        "The name of a group; accounts that are named themselves go before it.",
    ),
    sample(
        "auth.jwt.issuer",
        Text("https://login.example.net"),
        "The identity provider whose signed tokens are taken: their claim iss.",
    ),
    sample(
        "auth.jwt.audience",
        Text("pgsteward"),
        "Whom they must be meant for: one of their claim aud.",
    ),
    sample(
        "auth.jwt.jwks",
        Text("https://login.example.net/.well-known/jwks.json"),
        "File or https URL with the provider's keys. While a URL cannot be reached, the keys that were last read are used.",
    ),
    fixed(
        "auth.jwt.allow_http",
        Flag(false),
        "Whether the URL may be a plain http one on loopback.",
    ),
    fixed(
        "auth.jwt.algorithms",
        Text("RS256, ES256, EdDSA"),
        "Algorithms that a token may be signed with, comma-separated.",
    ),
    fixed(
        "auth.jwt.leeway",
        Text("30s"),
        "By how much the provider's clock may differ, for exp and nbf.",
    ),
    fixed(
        "auth.jwt.refresh",
        Text("15m"),
        "How often the keys are read again.",
    ),
    fixed(
        "auth.jwt.refresh_pause",
        Text("30s"),
        "Least time between two readings that tokens with an unknown key bring about.",
    ),
    fixed(
        "auth.jwt.principal_claim",
        Text("sub"),
        "The claim with the principal's name.",
    ),
    fixed(
        "auth.jwt.role_claim",
        Text("roles"),
        "The claim with the roles, a text or a list; realm_access.roles leads into an object.",
    ),
    sample(
        "auth.jwt.roles.#.value",
        Text("database-operators"),
        "A value of that claim.",
    ),
    sample(
        "auth.jwt.roles.#.role",
        Text("operator"),
        "What it gives, written like a token's role; the greatest of all that are given counts.",
    ),
    fixed(
        "limits.connections",
        Integer(512),
        "Connections at once. A new one takes the place of one that has not made a good call yet.",
    ),
    fixed(
        "limits.connections_per_peer",
        Integer(128),
        "Connections at once from one address, or of one account on the Unix socket.",
    ),
    fixed(
        "limits.handshake_timeout",
        Text("10s"),
        "How long a connection may take until its first good call, its handshake included.",
    ),
    fixed(
        "limits.idle_timeout",
        Text("15m"),
        "How long a connection may stay without a call.",
    ),
    fixed(
        "limits.streams",
        Integer(128),
        "Calls at once on a connection.",
    ),
    fixed(
        "limits.message_bytes",
        Integer(4_194_304),
        "Largest message of a request in bytes, 2 MiB to 256 MiB; uploads come in chunks of 1 MiB.",
    ),
    fixed(
        "limits.header_bytes",
        Integer(32_768),
        "Largest headers of a call in bytes, 4 KiB to 1 MiB.",
    ),
    fixed(
        "limits.call_timeout",
        Text("5m"),
        "How long a call may take that is neither a wait nor an upload, whatever deadline its caller sets.",
    ),
    fixed(
        "limits.request_timeout",
        Text("30s"),
        "How long the message of a request may take to come.",
    ),
    fixed(
        "limits.stall_timeout",
        Text("2m"),
        "How long a caller may leave an answer unread, such as a download, before it is ended.",
    ),
    fixed(
        "limits.operations_per_principal",
        Integer(32),
        "Operations at once that one principal started.",
    ),
    fixed(
        "limits.failed_attempts",
        Integer(30),
        "Failed attempts to call in a minute from one address before they are put off.",
    ),
];
