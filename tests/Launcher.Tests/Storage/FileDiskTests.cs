using System.Runtime.InteropServices;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Storage;

/// <summary>Raw images.</summary>
public sealed partial class FileDiskTests
{
    [Fact]
    public void Byte_n_of_the_disk_is_byte_n_of_the_file()
    {
        byte[] content = new byte[64 * 512];
        new Random(5).NextBytes(content);
        using var file = new TemporaryFile(content);
        using (DiskStore disk = FileDisk.Open(file.Path, readOnly: false))
        {
            using BlockMachine machine = new BlockMachine(disk).Start();
            Assert.Equal((byte)0, machine.Do(BlockRequestType.In, 10, length: 2048).Status);
            Assert.True(content.AsSpan(5120, 2048).SequenceEqual(machine.Ram.View(BlockMachine.Data, 2048)));
            machine.Ram.Window(BlockMachine.Data, 1024).Fill(0x99);
            Assert.Equal((byte)0, machine.Do(BlockRequestType.Out, 62, length: 1024).Status);
            Assert.Equal((byte)0, machine.Do(BlockRequestType.Flush, 0, length: 0).Status);
        }

        content.AsSpan(62 * 512).Fill(0x99);
        Assert.Equal(content, File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void A_file_that_becomes_shorter_under_our_feet_is_an_error_of_the_Guests()
    {
        using var file = new TemporaryFile(new byte[64 * 512]);
        using DiskStore disk = FileDisk.Open(file.Path, readOnly: false);
        using BlockMachine machine = new BlockMachine(disk).Start();
        // Not by a FileStream, which would respect our lock.
        Assert.Equal(0, Truncate(file.Path, 10 * 512 + 100));
        Assert.Equal((byte)BlockStatus.Ok, machine.Do(BlockRequestType.In, 9).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 10).Status);
        Assert.Equal((byte)BlockStatus.IoError, machine.Do(BlockRequestType.In, 60).Status);
        Assert.Contains("the file has become shorter", machine.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Host_without_room_is_an_error_of_the_Guests()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var handle = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] data = new byte[512];
        unsafe
        {
            fixed (byte* first = data)
            {
                Assert.Equal(HostError.NoSpace, RawFile.Write(handle, 0, [new HostPiece((nint)first, 512)]));
            }
        }
    }

    [Fact]
    public void A_discard_gives_the_room_back_and_zeroes_read_as_zeroes()
    {
        byte[] content = new byte[1 << 20];
        content.AsSpan().Fill(0x66);
        using var file = new TemporaryFile(content);
        using (DiskStore disk = FileDisk.Open(file.Path, readOnly: false))
        {
            Assert.Equal(0, disk.Discard(0, 1 << 19));
            Assert.Equal(0, disk.WriteZeroes(1 << 19, 512, mayUnmap: false));
            Assert.Equal(0, disk.WriteZeroes((1 << 19) + 4096, 4096 + 512, mayUnmap: true));
        }

        byte[] after = File.ReadAllBytes(file.Path);
        Assert.Equal(1 << 20, after.Length);
        int zeroes = after.AsSpan(1 << 19).Count((byte)0);
        Assert.Equal(512 + 4096 + 512, zeroes);
    }

    [Fact]
    public void Who_writes_is_alone_and_who_reads_is_in_company()
    {
        using var file = new TemporaryFile(new byte[1024]);
        using (FileDisk.Open(file.Path, readOnly: true))
        {
            FileDisk.Open(file.Path, readOnly: true).Dispose();
            Assert.Contains("in use", Assert.Throws<LoadException>(() => FileDisk.Open(file.Path, readOnly: false)).Message, StringComparison.Ordinal);
        }

        using (FileDisk.Open(file.Path, readOnly: false))
        {
            Assert.Contains("in use", Assert.Throws<LoadException>(() => FileDisk.Open(file.Path, readOnly: false)).Message, StringComparison.Ordinal);
            Assert.Contains("in use", Assert.Throws<LoadException>(() => FileDisk.Open(file.Path, readOnly: true)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bad_files_get_one_line_and_exit_code_2()
    {
        using var empty = new TemporaryFile([]);
        using var odd = new TemporaryFile(new byte[1000]);
        Launch.With("run", "--disk", "/nonexistent/disk.img").ShouldRefuse("disk /nonexistent/disk.img: no such file");
        Launch.With("run", "--disk", "/").ShouldRefuse("disk /: is a directory");
        Launch.With("run", "--disk", empty.Path).ShouldRefuse("is empty");
        Launch.With("run", "--disk", odd.Path + ",ro").ShouldRefuse("not a multiple of 512");
        Launch.With("run", "--disk", odd.Path + ",ro,snapshot").ShouldRefuse("either ro or snapshot");
        Launch.With("run", "--disk", ",ro").ShouldRefuse("no file");
        Launch.With("run", "--disk", "nbd://").ShouldRefuse("no host");
        Launch.With("run", "--disk", "nbd://127.0.0.1:x/").ShouldRefuse("not a port");
        Launch.With("run", "--disk", "nbd+unix:///nonexistent/socket").ShouldRefuse("cannot connect");
        Launch.With("compare", "--disk", "/nonexistent/disk.img").ShouldRefuse("no such file");
    }

    [Fact]
    public void A_temporary_file_leaves_nothing_behind()
    {
        string[] Names() => Directory.GetFiles("/var/tmp", $"lguest-jit-{Environment.ProcessId}-*");
        string[] before = Names();
        using (new TemporaryStore(1 << 20))
        {
            // Stores of the tests beside this one have a name for a moment, too: for no longer.
            string[] here = [.. Names().Except(before)];
            Assert.True(Patience.Until(() => !here.Any(File.Exists)), string.Join(", ", here));
        }
    }

    [LibraryImport("libc", EntryPoint = "truncate64", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Truncate(string path, long length);
}
