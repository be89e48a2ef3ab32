# The contacts service with its embedded MongoDB. It runs as a user of its own and writes to /data and /tmp only, so the
# root file system can be read-only. For x86-64, as the bundled MongoDB is.
#
#   docker build -t contacts .                 the service
#   docker build -t contacts --target ad .     the service with what the sync from Active Directory needs
#
# compose.yaml runs it. A folder of the host that is mounted on /data must belong to user 10001.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# What rarely changes comes first, so a build after a change in the code reuses the layers before it.
COPY requirements/ requirements/
RUN python -m venv --without-pip /opt/contacts \
    && pip --python /opt/contacts/bin/python install --no-deps --require-hashes -r requirements/runtime.lock
RUN pip install --no-deps --require-hashes -r requirements/build.lock \
    && pip install --no-deps --require-hashes -r requirements/node.lock
COPY graphiql/ graphiql/
RUN python graphiql/build.py
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && pip --python /opt/contacts/bin/python install --no-deps /tmp/wheel/*.whl

FROM build AS build-ad
# python-ldap comes as source only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libldap2-dev libsasl2-dev \
    && rm -rf /var/lib/apt/lists/*
RUN pip wheel --no-deps --no-build-isolation --require-hashes -r requirements/ad.lock --wheel-dir /tmp/ad \
    && pip --python /opt/contacts/bin/python install --no-deps --no-index /tmp/ad/*.whl

FROM python:3.11-slim-bookworm AS base
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin contacts \
    && install --directory --mode 700 --owner contacts --group contacts /data
ENV PATH="/opt/contacts/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CONTACTS_DATA_DIR=/data
VOLUME ["/data"]
WORKDIR /tmp
# Failures do not count during the first five minutes: after a crash, MongoDB replays its journal first.
HEALTHCHECK --interval=15s --timeout=5s --start-period=5m --retries=3 CMD ["python", "-I", "-c", "\
import os, http.client as http; \
to = http.HTTPConnection(os.getenv('CONTACTS_HOST', '127.0.0.1'), os.getenv('CONTACTS_PORT', '8000'), timeout=4); \
to.request('GET', '/healthz'); \
raise SystemExit(to.getresponse().status != 200)"]
ENTRYPOINT ["contacts"]
CMD ["serve"]

FROM base AS ad
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libldap-2.5-0 libsasl2-2 libsasl2-modules \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-ad /opt/contacts /opt/contacts
USER 10001:10001

FROM base AS service
COPY --from=build /opt/contacts /opt/contacts
USER 10001:10001
