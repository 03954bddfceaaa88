# Podium with everything it needs. Build: docker build -t podium .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY protocol protocol
COPY server server
COPY media media
# Wheels only: nothing is compiled, so the image needs no compiler.
RUN python -m venv /opt/podium \
    && /opt/podium/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: .

FROM python:3.11-slim-bookworm
# Letters for the videos of `podium compose`.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin podium \
    && install -d -o podium -g podium -m 0700 /data
COPY --from=build /opt/podium /opt/podium
ENV PATH=/opt/podium/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PODIUM_DATA=/data \
    PODIUM_WORKERS=2
USER podium
WORKDIR /data
VOLUME /data
# One port for each worker, UDP and TCP; publish them under the same numbers.
EXPOSE 8080/tcp 40000-40001/udp 40000-40001/tcp
# SIGTERM drains: connections are told to come back.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["podium"]
CMD ["serve"]
