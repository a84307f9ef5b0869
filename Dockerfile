# The executable in an image of its own:   docker build -t server .
# Images of projects take it from there:   test/projects/mysite/Dockerfile, docs/docker.md
FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make build

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /var/lib/server --create-home --shell /usr/sbin/nologin server
COPY --from=build /src/dist/server /usr/local/bin/server
USER server
# Certificates that it orders are kept there: mount a volume.
ENV STATE_DIRECTORY=/var/lib/server
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["server", "status", "-c", "/etc/server/server.toml"]
ENTRYPOINT ["server"]
CMD ["run", "-c", "/etc/server/server.toml"]
