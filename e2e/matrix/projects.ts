// Projects that every engine builds: between them, what Dockerfiles do that ends up in an image.
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'

export interface Project {
  readonly name: string
  readonly platform?: string
  /** Inputs of the build steps. */
  readonly inputs?: Readonly<Record<string, string>>
  /** BASE stands for the base image. */
  readonly dockerfile: string
  readonly write: (context: string) => Promise<void>
}

const files =
  (texts: Readonly<Record<string, string>>) =>
  async (context: string): Promise<void> => {
    for (const [path, text] of Object.entries(texts)) {
      await mkdir(dirname(join(context, path)), { recursive: true })
      await writeFile(join(context, path), text)
    }
  }

const archive = async (): Promise<Uint8Array> => {
  const tar = pack()
  const mtime = new Date(0)
  tar.entry({ name: 'packed/', type: 'directory', mode: 0o750, uid: 7, gid: 8, mtime })
  tar.entry({ name: 'packed/file', mode: 0o640, uid: 7, gid: 8, mtime }, 'unpacked\n')
  tar.entry({ name: 'packed/link', type: 'symlink', linkname: 'file', mtime })
  tar.finalize()
  return await buffer(tar)
}

export const projects: readonly Project[] = [
  {
    name: 'files from the context',
    inputs: { labels: 'org.example.a=1\norg.example.b=two, three', annotations: 'org.example.note=yes' },
    dockerfile: `FROM scratch
COPY . /app/
COPY --chown=12:34 app.conf /etc/app.conf
COPY --chmod=751 run.sh /usr/bin/run
ENV A=1 B="two words"
EXPOSE 80/tcp 53/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=3s --retries=2 CMD ["/usr/bin/run", "check"]
ENTRYPOINT ["/usr/bin/run"]
CMD ["serve"]
USER 12:34
LABEL org.example.c="from the file"
`,
    write: async (context) => {
      await files({
        'app.conf': 'a\n',
        'run.sh': '#!/bin/sh\n',
        'deep/er/file': 'x',
        '.hidden': 'h',
        'ignored/secret': 's',
        'ignored/kept': 'k',
        '.dockerignore': 'ignored\n!ignored/kept\n',
      })(context)
      await mkdir(join(context, 'empty'))
      await chmod(join(context, 'run.sh'), 0o755)
      await chmod(join(context, 'deep'), 0o700)
      await symlink('deep/er/file', join(context, 'link'))
      await symlink('/nowhere', join(context, 'dangling'))
    },
  },
  {
    name: 'commands on a base image',
    dockerfile: `FROM BASE
RUN mkdir -p /srv/a && echo one > /srv/a/one && ln /srv/a/one /srv/a/hard && ln -s one /srv/a/soft
RUN rm /bin/yes && rm -r /root && ln -s /srv /root
RUN echo app:x:1000:1000::/home/app:/bin/sh >> /etc/passwd && mkdir -m 2770 /home && chown 1000:1000 /home
RUN touch /setuid && chmod 4755 /setuid && mkfifo /pipe && touch /tmp/left && chmod 600 /tmp/left
RUN mkdir /gone && touch /gone/x
RUN rm -r /gone && mkdir /gone && touch /gone/y
WORKDIR /home/sub
USER app
RUN id -u > /tmp/who
CMD echo \${TRIGGERED:-no}
ENTRYPOINT exec sh
`,
    write: files({}),
  },
  {
    name: 'several stages',
    inputs: { target: 'final', 'build-args': 'VERSION=1.2.3' },
    dockerfile: `ARG VERSION=0
FROM BASE AS build
ARG VERSION
RUN mkdir -p /out/bin && echo "$VERSION" > /out/bin/version && chmod 700 /out/bin && chown -R 5:6 /out
FROM BASE AS final
ARG VERSION
ENV VERSION=\${VERSION}-x HOME_OF=/opt
COPY --from=build /out/ $HOME_OF/
COPY --from=build --chown=9:9 /out/bin/version /owned/
COPY --from=BASE /etc/passwd /copied/passwd
FROM final AS other
RUN false
`,
    write: files({}),
  },
  {
    name: 'archives, patterns and places',
    dockerfile: `FROM BASE
ADD archive.tar /added/
ADD plain.txt /added/plain/
COPY *.txt /texts/
COPY dir /copied
COPY dir/. /existing/
WORKDIR /work/one
WORKDIR two
COPY plain.txt .
COPY --chown=1000 dir owned
`,
    write: async (context) => {
      await files({ 'plain.txt': 'p', 'other.txt': 'o', 'dir/x': 'x', 'dir/sub/y': 'y' })(context)
      await writeFile(join(context, 'archive.tar'), await archive())
      await chmod(join(context, 'dir/sub'), 0o711)
    },
  },
  {
    name: 'shells and triggers',
    dockerfile: `FROM BASE AS parent
ONBUILD COPY file /triggered
ONBUILD ENV TRIGGERED=yes
FROM parent
SHELL ["/bin/sh", "-e", "-c"]
RUN echo "$TRIGGERED" > /was
CMD ["serve"]
ENTRYPOINT ["/bin/sh", "-c", "echo $TRIGGERED"]
ONBUILD RUN true
`,
    write: files({ file: 'f' }),
  },
  {
    name: 'another platform',
    platform: 'linux/arm64',
    dockerfile: `FROM BASE
ARG TARGETARCH
RUN uname -m > /machine && echo $TARGETARCH > /arch
`,
    write: files({}),
  },
]
