# The VM service, `mngr vm serve`: REST and tools over the libvirt of the host that it runs on. compose.yaml says how it is run;
# docs/vm.md has the rest. It takes a Debian 12 or newer: its python3-libvirt needs no compiler.
#
#   docker build -t vm-provisioner .
#
# Where packages come from is pip's and apt's own matter: give a mirror as --build-arg PIP_INDEX_URL=…, or proxies as Docker's.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# qemu-img makes disks; qemu-system tries whether KVM works; ssh-keygen makes keys.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates openssh-client python3-libvirt python3-venv qemu-system-x86 qemu-utils \
    && rm -rf /var/lib/apt/lists/*

ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_CERT
COPY pyproject.toml constraints.txt README.md /app/source/
COPY src /app/source/src
RUN python3 -m venv --system-site-packages /app/venv \
    && /app/venv/bin/pip install --no-cache-dir -c /app/source/constraints.txt "/app/source[server,mcp]" \
    && rm -rf /app/source

ENV PATH=/app/venv/bin:$PATH \
    MNGR_HOME=/app/ssh_keys/.mngr \
    SSH_KEY_DIR=/app/ssh_keys \
    LIBVIRT_URI=qemu:///system \
    VM_PROVISIONER_PORT=8092

# Root, as libvirt gives a running VM's disk and seed to QEMU's user and those of a stopped one back to root, and the service
# writes to both. It takes no more than that: compose.yaml drops all capabilities but the ones for files.
EXPOSE 8092
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python3", "-c", \
    "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['VM_PROVISIONER_PORT'] + '/healthz', timeout=8)"]
ENTRYPOINT ["mngr", "vm"]
CMD ["serve", "--host", "0.0.0.0"]
