using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>From <c>--disk</c> to what is on the disk, through a Guest with a driver of its own.</summary>
public sealed unsafe class DiskGuestTests
{
    private const uint Rounds = 40;
    private const int Size = 64 * DiskGuest.Piece;

    [Theory]
    [InlineData("interpreter", "0")]
    [InlineData("jit", "0")]
    [InlineData("jit", "20")]
    public void A_Guest_writes_and_reads_its_disk(string engine, string threshold)
    {
        using var file = new TemporaryFile(new byte[Size]);
        Run("run", file.Path, "--engine", engine, "--jit-threshold", threshold);
        Assert.Equal(Expected(), File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void A_snapshot_leaves_the_file_as_it_was()
    {
        using var file = new TemporaryFile(new byte[Size]);
        Run("run", file.Path + ",snapshot");
        Assert.Equal(new byte[Size], File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void A_disk_that_may_not_be_written_fails_in_the_Guest()
    {
        using var file = new TemporaryFile(new byte[Size]);
        Assert.Equal("failed", Launch.With(["run", "--memory", DiskGuest.Memory, "--disk", file.Path + ",ro"], null, DiskGuest.WriteAndRead(1).Load).Output);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",snapshot")]
    public void A_restart_keeps_what_was_written(string words)
    {
        byte[] content = new byte[Size];
        content[0] = (byte)'0';
        using var file = new TemporaryFile(content);
        Launch launch = Launch.With(["run", "--memory", DiskGuest.Memory, "--timeout", "600", "--disk", file.Path + words], null, DiskGuest.CountAndRestart().Load);
        Assert.Equal((0, "0123"), (launch.ExitCode, launch.Output));
        Assert.Equal(words.Length == 0 ? '3' : '0', (char)File.ReadAllBytes(file.Path)[0]);

        // In deterministic time, too, where each engine has an overlay of its own; and of course the file stays.
        launch = Launch.With(["compare", "--memory", DiskGuest.Memory, "--timeout", "600", "--every", "5000", "--disk", file.Path + ",snapshot"], null, DiskGuest.CountAndRestart().Load);
        Assert.Equal(0, launch.ExitCode);
        Assert.Equal(words.Length == 0 ? "3" : "0123", launch.Output);
    }

    [Fact]
    public void In_deterministic_time_two_runs_are_alike_and_the_file_stays()
    {
        using var file = new TemporaryFile(new byte[Size]);
        string first = Hash(Run("run", file.Path, "--deterministic", "--engine", "interpreter"));
        Assert.Equal(first, Hash(Run("run", file.Path, "--deterministic", "--engine", "jit")));
        Assert.Equal(new byte[Size], File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void The_hash_knows_what_was_written()
    {
        // Not a byte has been printed when the first write is through.
        using var file = new TemporaryFile(new byte[Size]);
        DiskSpec[] specs = [new(file.Path, false, false)];
        using DiskSet disks = DiskSet.Open(specs, TextWriter.Null, shared: true);
        using DiskSet overlays = disks.Private(TextWriter.Null);
        using DeterministicGuest guest = Guest(overlays, jit: false);
        ulong before = guest.Digest().Console;
        Assert.Null(guest.RunUntil(DeterministicBlock.Latency / 2));
        Assert.Equal(before, guest.Digest().Console);
        Assert.Null(guest.RunUntil(2 * DeterministicBlock.Latency));
        Assert.NotEqual(before, guest.Digest().Console);
        Assert.Equal(0, guest.Output.Count);
    }

    [Fact]
    public void Both_engines_are_equal_at_every_checkpoint()
    {
        using var file = new TemporaryFile(new byte[Size]);
        Launch launch = Run("compare", file.Path, "--every", "1000");
        Assert.Contains("equal: interpreter and jit", launch.Error, StringComparison.Ordinal);
        Assert.Equal(new byte[Size], File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void A_recording_is_of_one_disk()
    {
        using var file = new TemporaryFile(new byte[Size]);
        using var record = new TemporaryFile([]);
        Run("run", file.Path, "--deterministic", "--record", record.Path, "--every", "10000");
        Run("compare", file.Path, "--against", record.Path);
        File.WriteAllBytes(file.Path, Expected());
        Launch.With(["compare", "--memory", DiskGuest.Memory, "--disk", file.Path, "--against", record.Path], null, DiskGuest.WriteAndRead(Rounds).Load)
            .ShouldRefuse("another set of disks was recorded");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_goes_back_in_time_with_its_disk(bool jit)
    {
        using var file = new TemporaryFile(new byte[Size]);
        DiskSpec[] specs = [new(file.Path, false, false)];
        using DiskSet disks = DiskSet.Open(specs, TextWriter.Null, shared: true);
        using DiskSet overlays = disks.Private(TextWriter.Null);
        using DeterministicGuest guest = Guest(overlays, jit);
        var random = new Random(9);
        Assert.Null(guest.RunUntil(50_000));
        for (int leg = 0; leg < 8; leg++)
        {
            GuestDigest anchor = guest.Digest();
            guest.Anchor();
            string disk = overlays.Hash();

            // Into the middle of requests as often as not.
            long until = guest.Instructions + random.Next(30_000, 200_000);
            Assert.Null(guest.RunUntil(until));
            GuestDigest there = guest.Digest();
            string diskThere = overlays.Hash();
            Assert.NotEqual(disk, diskThere);
            for (int visit = 0; visit < 2; visit++)
            {
                guest.Rollback();
                Assert.Equal(anchor, guest.Digest());
                Assert.Equal(disk, overlays.Hash());
                Assert.Null(guest.RunUntil(until));
                Assert.Equal(there, guest.Digest());
                Assert.Equal(diskThere, overlays.Hash());
            }
        }
    }

    private static DeterministicGuest Guest(DiskSet overlays, bool jit) => new(new DeterministicSetup
    {
        Memory = DiskGuest.MemorySize,
        CreateEngine = machine => jit ? new TieredEngine(machine, 10, 64 << 20, new Optimisations(), null, waits: true) : new InterpreterEngine(machine),
        Load = DiskGuest.WriteAndRead(Rounds).Load,
        Output = new HashingSink(null),
        Input = new ScriptedInput(InputScript.Empty),
        Log = new DeviceLog(TextWriter.Null),
        Plug = overlays.PlugDeterministic,
        Tracked = true,
    });

    private static byte[] Expected()
    {
        byte[] content = new byte[Size];
        for (int piece = 1; piece <= Rounds; piece++)
        {
            content.AsSpan(piece * DiskGuest.Piece, DiskGuest.Piece).Fill((byte)piece);
        }

        return content;
    }

    private static Launch Run(string command, string disk, params string[] more)
    {
        Launch launch = Launch.With([command, "--memory", DiskGuest.Memory, "--timeout", "600", "--disk", disk, .. more], null, DiskGuest.WriteAndRead(Rounds).Load);
        Assert.Equal(0, launch.ExitCode);
        Assert.Equal("ok", launch.Output);
        return launch;
    }

    private static string Hash(Launch launch) => launch.ErrorLines.Single(static line => line.StartsWith("deterministic: ", StringComparison.Ordinal));
}
