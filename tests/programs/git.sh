# git: a small repository from its first commit to a merge, an archive, a pack and a clone.
# suite
# needs: git
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git init -q -b main repository && cd repository || exit 1
git config user.name Someone && git config user.email someone@example.org
echo one >a && mkdir d && echo two >d/b && git add . && git commit -q -m first
git checkout -q -b side && echo three >>a && git commit -q -am second && git checkout -q main
echo four >>d/b && git commit -q -am third && git merge -q -m merged side
git log --graph --stat --format='%h %an %ad %s'
git diff HEAD~1 && git status --short --branch
git archive --format=tar HEAD | tar tf -
git gc -q && git fsck && cd .. && git clone -q repository copy && cd copy && git log --oneline && cat a d/b
cd .. && rm -rf repository copy
