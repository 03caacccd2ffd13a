//! Why a side of an account is in its state: stable codes, what they mean, what to do.

use super::Provider;
use db::text_enum;

text_enum! {
    /// A stable reason code.
    #[derive(utoipa::ToSchema)]
    pub enum Reason {
        /// The host's name has no address.
        NameNotFound = "name_not_found",
        /// The host leads to a private or loopback address, which the operator did not allow.
        PrivateAddress = "private_address_refused",
        /// The port is none that the operator allows.
        PortNotAllowed = "port_refused_by_policy",
        /// Nothing listens there.
        ConnectionRefused = "connection_refused",
        /// No answer in time.
        TimedOut = "timed_out",
        /// The TLS handshake failed.
        TlsFailed = "tls_failed",
        /// The certificate is not from a known authority.
        CertificateUntrusted = "certificate_untrusted",
        /// The certificate is for another name.
        CertificateWrongName = "certificate_wrong_name",
        /// The certificate was issued by its own key.
        CertificateSelfSigned = "certificate_self_signed",
        /// The certificate is past its end.
        CertificateExpired = "certificate_expired",
        /// The certificate's time has not come.
        CertificateNotYetValid = "certificate_not_yet_valid",
        /// The server does not offer STARTTLS.
        StartTlsMissing = "starttls_missing",
        /// The server speaks plain text where TLS was expected.
        NotTls = "not_tls",
        /// The server expects TLS at once where a greeting was expected.
        TlsOnPlainPort = "tls_on_plain_port",
        /// Unencrypted logins are not allowed by the operator.
        PlainNotAllowed = "plain_not_allowed",
        /// The server's first line is none of this protocol.
        BadGreeting = "bad_greeting",
        /// Username and password were refused.
        LoginRefused = "login_refused",
        /// The provider wants an app password.
        AppPasswordRequired = "app_password_required",
        /// IMAP is switched off for the mailbox.
        ImapDisabled = "imap_disabled",
        /// SMTP sign-in is switched off for the mailbox or its tenant.
        SmtpAuthDisabled = "smtp_auth_disabled",
        /// The server offers no sign-in by password that we know.
        NoPasswordLogin = "no_password_login",
        /// Too many attempts or connections.
        RateLimited = "rate_limited",
        /// The server answered with an error of its own.
        ServerError = "server_error",
        /// The connection broke.
        ConnectionLost = "connection_lost",
        /// The server does not let this address send.
        SenderRefused = "sender_refused",
        /// The stored password is gone (the key was lost).
        PasswordMissing = "password_missing",
        /// The provider has locked the mailbox.
        AccountSuspended = "account_suspended",
        /// The mailbox or its traffic is over its quota.
        OverQuota = "over_quota",
        /// The stored grant is gone (the key was lost).
        GrantMissing = "grant_missing",
        /// What the person consented to was taken back or ran out.
        ConsentRevoked = "consent_revoked",
        /// The person, or their administrator, said no.
        ConsentDeclined = "consent_declined",
        /// A permission that is needed was not given.
        ScopeMissing = "scope_missing",
        /// Another person signed in than before.
        WrongIdentity = "wrong_identity",
        /// The provider gave access for an hour, and nothing to renew it with.
        NoLastingAccess = "no_lasting_access",
        /// The mail server refuses a fresh access token.
        TokenRefused = "token_refused",
        /// The server takes no access tokens.
        NoTokenLogin = "no_token_login",
        /// The provider's token service gave none, for now.
        TokenService = "token_service",
        /// The provider refuses the OAuth app itself.
        AppConfiguration = "app_configuration",
        /// Posthouse's own disk takes no mail.
        NoStorage = "no_storage",
    }
}

impl Reason {
    /// Whether it is about what Posthouse itself does not hold, or cannot, whichever server would be asked.
    #[must_use]
    pub const fn is_of_keeping(self) -> bool {
        matches!(self, Self::PasswordMissing | Self::GrantMissing | Self::NoStorage)
    }

    /// Whether it is about what a person consented to, whichever server is asked.
    #[must_use]
    pub const fn is_of_grant(self) -> bool {
        matches!(self, Self::GrantMissing | Self::ConsentRevoked | Self::ConsentDeclined)
    }

    /// What to do where nothing is tried again by itself: at a test, or at the first sign-in.
    #[must_use]
    pub const fn fix_at_a_test(self, provider: Provider) -> &'static str {
        match self {
            Self::TimedOut => {
                "Check server and port. If they are right the server may be down: try again in a few minutes."
            }
            Self::OverQuota => "Free space in the mailbox, or try again later.",
            Self::ConnectionLost | Self::ServerError | Self::RateLimited | Self::TokenService => {
                "Try again in a few minutes. If it stays, ask the provider."
            }
            _ => self.fix_at(provider),
        }
    }

    /// Whether a person must act: the credentials were refused. Everything else is retried.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        matches!(
            self,
            Self::LoginRefused
                | Self::AppPasswordRequired
                | Self::ImapDisabled
                | Self::SmtpAuthDisabled
                | Self::NoPasswordLogin
                | Self::PasswordMissing
                | Self::AccountSuspended
                | Self::GrantMissing
                | Self::ConsentRevoked
                | Self::ConsentDeclined
                | Self::ScopeMissing
                | Self::WrongIdentity
                | Self::NoLastingAccess
                | Self::TokenRefused
                | Self::NoTokenLogin
        )
    }

    /// What it means, in a sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NameNotFound => "The server's name was not found.",
            Self::PrivateAddress => "The server's name leads to a private address.",
            Self::PortNotAllowed => "This port is not allowed here.",
            Self::ConnectionRefused => "Nothing answers on this port.",
            Self::TimedOut => "The server did not answer in time.",
            Self::TlsFailed => "The encrypted connection could not be set up.",
            Self::CertificateUntrusted => "The server's certificate is not from an authority that we trust.",
            Self::CertificateWrongName => "The server's certificate is for another name.",
            Self::CertificateSelfSigned => "The server's certificate is self-signed.",
            Self::CertificateExpired => "The server's certificate has expired.",
            Self::CertificateNotYetValid => "The server's certificate is not valid yet.",
            Self::StartTlsMissing => "The server does not offer STARTTLS.",
            Self::NotTls => "The server speaks unencrypted on this port.",
            Self::TlsOnPlainPort => {
                "The server says nothing before TLS: either it expects TLS from the first byte on this port, or it does not answer."
            }
            Self::PlainNotAllowed => "Connections without encryption are not allowed here.",
            Self::BadGreeting => "What answers there is not a mail server of this kind.",
            Self::LoginRefused => "Username or password was refused.",
            Self::AppPasswordRequired => "The provider wants an app password instead of the account's own.",
            Self::ImapDisabled => "IMAP is switched off for this mailbox.",
            Self::SmtpAuthDisabled => "Sending by SMTP is switched off for this mailbox.",
            Self::NoPasswordLogin => "The server offers no sign-in by password.",
            Self::RateLimited => "The server asks us to come back later.",
            Self::ServerError => "The server reported an error of its own.",
            Self::ConnectionLost => "The connection broke off.",
            Self::SenderRefused => "The server does not accept this address as sender.",
            Self::PasswordMissing => "The stored password is no longer there.",
            Self::AccountSuspended => "The provider has locked this mailbox.",
            Self::OverQuota => "The mailbox, or what it may transfer, is over its quota.",
            Self::GrantMissing => "The stored permission to use this mailbox is no longer there.",
            Self::ConsentRevoked => "The permission to use this mailbox was taken back or ran out.",
            Self::ConsentDeclined => "The access was declined on the provider's page.",
            Self::ScopeMissing => "A permission that is needed was not given.",
            Self::WrongIdentity => "Another person signed in than the one whose mailbox this is.",
            Self::NoLastingAccess => "The provider gave access for a short time only.",
            Self::TokenRefused => "The mail server refuses the sign-in, although the provider's access token is fresh.",
            Self::NoTokenLogin => "The server takes no sign-in by access token.",
            Self::TokenService => "The provider's sign-in service gives no access token at the moment.",
            Self::AppConfiguration => "The provider refuses the OAuth app itself; this account is not to blame.",
            Self::NoStorage => {
                "Posthouse cannot store mail on its own disk. Nothing is lost: what is missing is fetched later."
            }
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::NameNotFound => "Check the server's name for a typing error.",
            Self::PrivateAddress => {
                "Use the server's public name, or ask the operator of this installation to allow private addresses."
            }
            Self::PortNotAllowed => {
                "Use 993 or 143 for IMAP, 465 or 587 for SMTP, or ask the operator to allow the port."
            }
            Self::ConnectionRefused => {
                "Check the port: 993 (TLS) or 143 (STARTTLS) for IMAP, 465 (TLS) or 587 (STARTTLS) for SMTP."
            }
            Self::TimedOut => {
                "Check server and port. If they are right the server may be down; we try again by ourselves."
            }
            Self::TlsFailed => "Try the other encryption for this port, or ask the provider which one it wants.",
            Self::CertificateUntrusted => {
                "If the server is your own, ask the operator to add its certificate authority."
            }
            Self::CertificateWrongName => {
                "Use the name that the certificate was made for: the provider's help page has it."
            }
            Self::CertificateSelfSigned => {
                "If the server is your own, ask the operator to add its certificate. Else ask the provider for its right name."
            }
            Self::CertificateExpired => "Ask the provider to renew the certificate.",
            Self::CertificateNotYetValid => {
                "Ask the operator to check this machine's clock. If it is right, ask the provider for a valid certificate."
            }
            Self::StartTlsMissing => "Choose TLS with port 993 (IMAP) or 465 (SMTP).",
            Self::NotTls => "Choose STARTTLS for this port, or use 993 (IMAP) or 465 (SMTP) with TLS.",
            Self::TlsOnPlainPort => {
                "Choose TLS for this port. If it stays silent then too, the server is not answering: try again later."
            }
            Self::PlainNotAllowed => "Choose TLS or STARTTLS.",
            Self::BadGreeting => "Check server and port.",
            Self::LoginRefused => "Check the username (often the whole address) and enter the password again.",
            Self::AppPasswordRequired => {
                "Create an app password in the provider's security settings and enter it here."
            }
            Self::ImapDisabled => "Switch IMAP on in the mailbox's settings at the provider, then reconnect.",
            Self::SmtpAuthDisabled => "Ask the mailbox's admin to allow authenticated SMTP, then reconnect.",
            Self::NoPasswordLogin => "Ask the provider how mail programs sign in.",
            Self::RateLimited => "Nothing: we slow down and try again by ourselves.",
            Self::ServerError => {
                "Nothing at first: we try again by ourselves. If it stays, ask the provider with the words above."
            }
            Self::ConnectionLost => "Nothing: we try again by ourselves.",
            Self::SenderRefused => "Allow this address as a sender at the provider, or sign in as its owner.",
            Self::PasswordMissing => "Enter the password again.",
            Self::AccountSuspended => "Sign in on the provider's web page, follow what it asks, then reconnect.",
            Self::OverQuota => "Free space in the mailbox, or wait: we try again by ourselves.",
            Self::GrantMissing | Self::ConsentRevoked => {
                "Reconnect: sign in on the provider's page and allow the access again."
            }
            Self::ConsentDeclined => {
                "Try again and allow the access. If the page asks for an administrator's approval, have them grant it first."
            }
            Self::ScopeMissing => "Try again and leave every permission ticked.",
            Self::WrongIdentity => {
                "Try again and choose the person whose mailbox this is, or sign out at the provider first."
            }
            Self::NoLastingAccess => "Take the access away on the provider's page of connected apps, then try again.",
            Self::TokenRefused => {
                "Check that mail programs are allowed for this mailbox and that whoever signed in may open it, then reconnect."
            }
            Self::NoTokenLogin => "Connect this account with a password instead.",
            Self::TokenService => "Nothing: we try again by ourselves.",
            Self::AppConfiguration => {
                "An admin looks at the app in Settings, Providers. Accounts go on by themselves once it is mended."
            }
            Self::NoStorage => {
                "Whoever runs Posthouse makes room on its disk, or mends what the words above name; `posthouse doctor` looks at it. \
                 Mail comes in by itself then."
            }
        }
    }

    /// What to do next at this provider.
    #[must_use]
    pub const fn fix_at(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::LoginRefused | Self::AppPasswordRequired, Provider::Google) => {
                "Google takes app passwords only, and ends them when the account's password changes: make one at \
                 myaccount.google.com/apppasswords (2-Step Verification has to be on), or sign in with Google."
            }
            (Self::LoginRefused | Self::AppPasswordRequired | Self::NoPasswordLogin, Provider::Microsoft) => {
                "Microsoft takes no passwords any more: reconnect with Microsoft's sign-in."
            }
            (Self::LoginRefused | Self::AppPasswordRequired, Provider::Yahoo) => {
                "Yahoo takes app passwords only: make one at login.yahoo.com, Security, and enter it here."
            }
            (Self::LoginRefused | Self::AppPasswordRequired, Provider::Icloud) => {
                "Apple takes app-specific passwords only, and ends them when the Apple Account's password changes: make one at \
                 account.apple.com, Sign-In and Security."
            }
            (Self::ImapDisabled, Provider::Google) => {
                "Switch IMAP on in Gmail's settings, Forwarding and POP/IMAP. In a Workspace an administrator allows it in \
                 admin.google.com, Apps, Google Workspace, Gmail, End User Access. Then reconnect."
            }
            (Self::ImapDisabled, Provider::Microsoft) => {
                "An administrator opens admin.microsoft.com, Users, Active users, the person, Mail, Manage email apps, and ticks \
                 IMAP. Then reconnect."
            }
            (Self::SmtpAuthDisabled, Provider::Microsoft) => {
                "An administrator opens admin.microsoft.com, Users, Active users, the person, Mail, Manage email apps, and ticks \
                 Authenticated SMTP; security defaults switch it off for everybody. Then reconnect."
            }
            (Self::ConsentRevoked, Provider::Google) => {
                "Google ends the access when the password changes, after six months without use, or at \
                 myaccount.google.com/connections. Reconnect: sign in with Google and allow it again."
            }
            (Self::ConsentRevoked, Provider::Microsoft) => {
                "Microsoft ends the access when the password is reset, after 90 days without use, or by an administrator's rules. \
                 Reconnect: sign in with Microsoft and allow it again."
            }
            (Self::ConsentDeclined, Provider::Microsoft) => {
                "Try again and accept. If the page says “Need admin approval”, an administrator grants it at entra.microsoft.com, \
                 Enterprise applications, this app, Permissions."
            }
            (Self::ScopeMissing, Provider::Google) => {
                "Try again, and on Google's page tick the box that lets Posthouse read, compose and send email."
            }
            (Self::NoLastingAccess, Provider::Google) => {
                "Take the access away at myaccount.google.com/connections, then try again: Google gives lasting access at the \
                 first consent only."
            }
            (Self::TokenRefused, Provider::Microsoft) => {
                "An administrator opens admin.microsoft.com, Users, Active users, the person, Mail, Manage email apps, and ticks IMAP \
                 and Authenticated SMTP; the mailbox needs a licence. Then reconnect."
            }
            (Self::AccountSuspended, Provider::Google) => {
                "Sign in at mail.google.com in a browser, or at accounts.google.com/DisplayUnlockCaptcha, then reconnect."
            }
            (Self::OverQuota, Provider::Google) => {
                "Nothing: Google lets about 2,500 MB a day leave by IMAP. We go on by ourselves when it allows it."
            }
            _ => self.fix(),
        }
    }

    /// What whoever connects by a link does next, where it is something else: server, port and user name are the team's to change.
    #[must_use]
    pub fn fix_for_owner(self, provider: Provider) -> Option<&'static str> {
        // What a provider is known for holds for everybody.
        if self.fix_at(provider) != self.fix() {
            return None;
        }
        match self {
            Self::LoginRefused => Some(
                "Enter the password again; where the provider has app passwords, one of those. If it stays refused, tell whoever sent \
                 you the link: the user name above may be wrong, and they can change it.",
            ),
            Self::NameNotFound
            | Self::PrivateAddress
            | Self::PortNotAllowed
            | Self::ConnectionRefused
            | Self::TlsFailed
            | Self::CertificateUntrusted
            | Self::CertificateWrongName
            | Self::CertificateSelfSigned
            | Self::StartTlsMissing
            | Self::NotTls
            | Self::TlsOnPlainPort
            | Self::PlainNotAllowed
            | Self::BadGreeting
            | Self::NoPasswordLogin => Some(
                "Tell whoever sent you the link what you see here: they can change the server, and send you a new link.",
            ),
            Self::TimedOut | Self::ConnectionLost | Self::RateLimited | Self::ServerError => {
                Some("Try again in a few minutes. If it stays, tell whoever sent you the link what you see here.")
            }
            Self::SenderRefused => Some(
                "Tell whoever sent you the link: the user name does not belong to this address, or the provider has to allow it.",
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Provider, Reason};

    #[test]
    fn where_nothing_is_tried_again_nobody_is_told_so() {
        for reason in Reason::ALL.iter().filter(|r| !matches!(r, Reason::AppConfiguration)) {
            for provider in [Provider::Google, Provider::Microsoft, Provider::Custom] {
                let fix = reason.fix_at_a_test(provider);
                assert!(!fix.contains("ourselves"), "{reason}: {fix}");
            }
        }
    }

    #[test]
    fn an_owner_is_told_nothing_that_they_cannot_do() {
        let table: Vec<String> =
            Reason::ALL.iter().filter_map(|r| Some(format!("{r}\n  {}", r.fix_for_owner(Provider::Custom)?))).collect();
        insta::assert_snapshot!(table.join("\n"));
        assert_eq!(
            Reason::LoginRefused.fix_for_owner(Provider::Google),
            None,
            "Google's own words are about passwords"
        );
    }

    #[test]
    fn every_reason_says_what_it_means_and_what_to_do() {
        let table: Vec<String> = Reason::ALL
            .iter()
            .map(|r| {
                format!(
                    "{r} [{}]\n  {}\n  {}",
                    if r.needs_person() { "a person" } else { "retried" },
                    r.text(),
                    r.fix()
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn a_provider_has_words_of_its_own_where_there_is_more_to_say() {
        let mut table = vec![];
        for provider in Provider::ALL {
            for reason in Reason::ALL.iter().filter(|r| r.fix_at(*provider) != r.fix()) {
                table.push(format!("{provider} {reason}\n  {}", reason.fix_at(*provider)));
            }
        }
        insta::assert_snapshot!(table.join("\n"));
    }
}
