"""Every setting; docs/operations.md has the table of those that the environment may change."""

import logging
import os
import sys
from pathlib import Path

import django_stubs_ext

from headway import conf
from progress.broker import broker_url, transport_options
from progress.data_dir import data_directory, private_file, secret_key, socket_path
from progress.database import Connections, database
from progress.environment import Environment, numbers_by_name
from progress.file_storage import file_storage
from progress.logs import log_format, log_level, logging_config

# Lets annotations such as ModelAdmin[Job] be written as they are, also while running
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)
ENVIRONMENT_PROBLEMS = env.problems

DATA_DIR = data_directory(env.text("DATA_DIR", str(BASE_DIR / "var")))

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY", "") or secret_key(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
HTTPS = env.flag("HTTPS")
BIND = env.text("BIND", "127.0.0.1")
PORT = env.number("PORT", 8000, high=65535)
WORKERS = env.number("WORKERS", 2)
WORKER_GRACE = env.number("WORKER_GRACE", 3)

# Application

INSTALLED_APPS = [
    # Only `runserver` needs the app, which brings Twisted along: half a second of every process's
    # start and 27 MB of its memory.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "headway",
    "jobs",
    "progress",
]
MIDDLEWARE = [
    "headway.probes.any_host",
    "headway.web.request_log.request_log",
    "django.middleware.security.SecurityMiddleware",
    "progress.middleware.security_headers",
    "progress.middleware.OtherSites",
    "progress.middleware.StaticFiles",
    "progress.middleware.Compressed",
    "progress.time_zone.time_zones",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "progress.light.Languages",
    "django.middleware.common.CommonMiddleware",
    "headway.web.tokens.BearerTokens",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "progress.urls"
ASGI_APPLICATION = "progress.asgi.application"
LANGUAGE_CODE = "en"
MESSAGE_STORAGE = "progress.light.Messages"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "progress/locale"]
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]

# The database: history

SQLITE_URL = f"sqlite:///{DATA_DIR / 'db.sqlite3'}"
DATABASES = {"default": env.parsed("DATABASE_URL", SQLITE_URL, database)}
connections = Connections(
    max_age=env.number("DATABASE_CONN_MAX_AGE", 0, low=0),
    pool=env.number("DATABASE_POOL", 0, low=0, high=1000),
    pgbouncer=env.flag("DATABASE_PGBOUNCER"),
)
ENVIRONMENT_PROBLEMS += connections.apply_to(DATABASES["default"])
if DATABASES["default"]["NAME"] == str(DATA_DIR / "db.sqlite3"):
    private_file(DATA_DIR / "db.sqlite3")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: motion, and the queue unless there is another broker

EMBEDDED_VALKEY = not env.text("REDIS_URL", "")
EMBEDDED_VALKEY_DIR = DATA_DIR / "valkey"
EMBEDDED_VALKEY_SOCKET = socket_path(DATA_DIR)
REDIS_URL = env.text("REDIS_URL", f"unix://{EMBEDDED_VALKEY_SOCKET}")
BROKER_URL = env.text("CELERY_BROKER_URL", REDIS_URL)
CELERY_BROKER_URL = broker_url(BROKER_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE_TYPE = env.text("QUEUE_TYPE", "classic")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = WORKER_GRACE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE

# The app: jobs and their streams

HEADWAY = {
    "REDIS_URL": REDIS_URL,
    "BASE_TEMPLATE": "base.html",
    "CLIENT_ADDRESS": "progress.sign_in_throttle.address_of",
    "JOB_SHOW_ERRORS": env.flag("JOB_SHOW_ERRORS"),
    "SECRET_PARAMETERS": [
        pattern.lower() for pattern in env.words("SECRET_PARAMETERS", ",".join(conf.SECRETS))
    ],
    "GROUPED_MIDDLEWARE": [name for name in MIDDLEWARE if name.startswith("progress.")],
    "STREAM_HAND_OVER": env.flag("STREAM_HAND_OVER", default=True),
    "CAPTURE_LOGGING": env.words("CAPTURE_LOGGING", ""),
    "CSV_RAW": env.flag("CSV_RAW"),
    "JOB_CANCEL_DEACTIVATED": env.flag("JOB_CANCEL_DEACTIVATED"),
    "JOB_SUCCESSOR": env.text("JOB_SUCCESSOR", ""),
    "RETENTION": env.parsed("RETENTION", "", numbers_by_name),
    "METRICS_TOKEN": env.text("METRICS_TOKEN", ""),
    "DOWNLOADS": env.text("DOWNLOADS", "app"),
    "NOTICES": env.words("NOTICES", "webhook"),
    "WEBHOOK_HOSTS": env.words("WEBHOOK_HOSTS", ""),
    "SITE_URL": env.text("SITE_URL", ""),
    **{name: env.number(name, *limits) for name, limits in conf.numbers().items()},
    "BODY_MAX_BYTES": env.number("BODY_MAX_BYTES", 3 * 1024**2, low=0, high=2**40),
}

# E-mail, of notices alone

EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25, high=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "webmaster@localhost")

# Files

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(data_directory(DATA_DIR / "static", within=True))))
FILES_BUCKET = env.text("FILES_BUCKET", "")
STORAGES = {
    "default": file_storage(FILES_BUCKET),
    "staticfiles": {
        "BACKEND": "progress.static_files.HashedFiles",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
MEDIA_ROOT = data_directory(DATA_DIR / "files", within=True)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_TEMP_DIR = data_directory(DATA_DIR / "tmp", within=True)

# The language model of "Ask a model" and of /chat/: any server that speaks OpenAI's dialect

LLM_BASE_URL = env.text("LLM_BASE_URL", "")
LLM_MODEL = env.text("LLM_MODEL", "")
LLM_API_KEY = env.text("LLM_API_KEY", "")
LLM_TIMEOUT = env.number("LLM_TIMEOUT", 120)
LLM_MAX_SECONDS = env.number("LLM_MAX_SECONDS", 1800)
LLM_MAX_PROMPT = env.number("LLM_MAX_PROMPT", 32_000)
LLM_MAX_ANSWER = env.number("LLM_MAX_ANSWER", 50_000, high=1_000_000)
LLM_MAX_PER_USER = env.number("LLM_MAX_PER_USER", 10)
LLM_MAX_ANSWERS_PER_DAY = env.number("LLM_MAX_ANSWERS_PER_DAY", 500, low=0)
LLM_MAX_TOKENS_PER_DAY = env.number("LLM_MAX_TOKENS_PER_DAY", 500_000, low=0)

# Security

SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "headway.web.views.errors.csrf_failure"
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86400
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 0, low=0)
SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT")
CSP_REPORT_URI = env.text("CSP_REPORT_URI", "")
# Other hosts of the domain are not this site's to decide about: subdomains, the preload list
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Behind a proxy all requests come from its address
NUM_PROXIES = env.number("NUM_PROXIES", int(HTTPS), low=0, high=10)
SIGN_IN_MAX_FAILURES = env.number("SIGN_IN_MAX_FAILURES", 10)
SIGN_IN_MAX_FAILURES_PER_ADDRESS = env.number("SIGN_IN_MAX_FAILURES_PER_ADDRESS", 50)
SIGN_IN_WINDOW = env.number("SIGN_IN_WINDOW", 900)

# An identity provider that speaks OpenID Connect: any that publishes its configuration

OIDC_ISSUER = env.text("OIDC_ISSUER", "")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET", "")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
OIDC_CREATE_USERS = env.flag("OIDC_CREATE_USERS", default=True)

# Scripts of other sites

CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS", "")
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "cache-control",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "tus-resumable",
    *("upload-checksum", "upload-length", "upload-metadata", "upload-offset"),
]
CORS_EXPOSE_HEADERS = [
    *("ETag", "Location", "Progress-Cursor", "Progress-Version", "Retry-After", "WWW-Authenticate"),
    *("Tus-Resumable", "Upload-Expires", "Upload-Length", "Upload-Offset", "X-Request-ID"),
]
CORS_URLS_REGEX = r"^/(api|chat|jobs)/"

logging.captureWarnings(True)
LOGGING = logging_config(
    env.parsed("LOG_FORMAT", "text", log_format), env.parsed("LOG_LEVEL", "INFO", log_level)
)
