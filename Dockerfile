# syntax=docker/dockerfile:1
# Three stages: the pages, the binary with the pages inside, and an image with the binary alone.

FROM node:22-bookworm-slim AS pages
WORKDIR /build/dashboard-app
COPY dashboard-app/package.json dashboard-app/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboard-app/ ./
RUN npm run build

FROM rust:1.95-bookworm AS binary
WORKDIR /build
COPY . .
COPY --from=pages /build/dashboard-app/dist dashboard-app/dist
# Without the sandbox: an image that answers real callers has no stand-ins in it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --no-default-features --bin offhook && cp target/release/offhook /offhook

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 offhook \
    && useradd --uid 10001 --gid offhook --no-create-home --home-dir /data --shell /usr/sbin/nologin offhook \
    && install -d -o offhook -g offhook -m 0750 /data
COPY --from=binary /offhook /usr/local/bin/offhook
COPY LICENSE config.example.toml /usr/share/doc/offhook/
USER offhook
WORKDIR /data
VOLUME /data
# glibc keeps an arena a core otherwise, which costs memory and gains nothing at our rates.
ENV MALLOC_ARENA_MAX=2 \
    OFFHOOK_SERVER__BIND=0.0.0.0:8080 \
    OFFHOOK_DATABASE__URL=sqlite:///data/offhook.sqlite
EXPOSE 8080
# The service finishes the requests under way when it is told to stop.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["offhook"]
CMD ["serve"]
