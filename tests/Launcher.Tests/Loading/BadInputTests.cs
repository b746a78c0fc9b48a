using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Loading;

/// <summary>Everything a person can give us that cannot be booted: one line, exit code 2, nothing thrown.</summary>
public class BadInputTests
{
    [Fact]
    public void A_missing_kernel() => Launch.With("run", "--kernel", "/no/such/vmlinux").ShouldRefuse("kernel /no/such/vmlinux: no such file");

    [Fact]
    public void A_kernel_that_is_a_directory() => Launch.With("run", "--kernel", Path.GetTempPath()).ShouldRefuse("is a directory");

    [Fact]
    public void A_kernel_name_that_no_file_can_have() => Launch.With("run", "--kernel", "a\0b").ShouldRefuse("kernel a b: not a readable file");

    [Theory]
    [InlineData("")]
    [InlineData("#!/bin/sh\necho hello\n")]
    public void A_file_that_is_no_kernel(string content)
    {
        using var file = new TemporaryFile(System.Text.Encoding.ASCII.GetBytes(content));
        Launch.With("run", "--kernel", file.Path).ShouldRefuse("not a kernel");
    }

    [Fact]
    public void A_64_bit_kernel()
    {
        using var elf = new TemporaryFile(new ElfBuilder { Class = 2, Machine = 62 }.Segment(0x100000, [1]).Build());
        Launch.With("run", "--kernel", elf.Path).ShouldRefuse("64-bit kernel");
        using var bzImage = new TemporaryFile(new BzImageBuilder { ExtendedLoadFlags = 1 }.Build());
        Launch.With("run", "--kernel", bzImage.Path).ShouldRefuse("64-bit kernel");
    }

    [Fact]
    public void A_truncated_kernel()
    {
        byte[] image = new ElfBuilder().Segment(0x100000, new byte[4096]).Build();
        using var elf = new TemporaryFile(image.AsSpan(0, 2000));
        Launch.With("run", "--kernel", elf.Path).ShouldRefuse("truncated kernel");
        image = new BzImageBuilder { Payload = new byte[4096] }.Build();
        using var bzImage = new TemporaryFile(image.AsSpan(0, 2000));
        Launch.With("run", "--kernel", bzImage.Path).ShouldRefuse("truncated kernel");
    }

    [Fact]
    public void An_initrd_larger_than_memory()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        using var initrd = new TemporaryFile(new byte[(4 << 20) + 1]);
        Launch.With("run", "--memory", "4M", "--kernel", kernel.Path, "--initrd", initrd.Path).ShouldRefuse("initrd larger than memory");
    }

    [Fact]
    public void An_initrd_that_leaves_no_room_for_the_kernel()
    {
        using var kernel = new TemporaryFile(new ElfBuilder { Entry = 0x200000 }.Segment(0x200000, [0xEB, 0xFE], 0x1000).Build());
        using var initrd = new TemporaryFile(new byte[(2 << 20) - 4096]);
        using var oneByteMore = new TemporaryFile(new byte[(2 << 20) - 4096 + 1]);
        Launch fits = Launch.With("run", "--memory", "4M", "--kernel", kernel.Path, "--initrd", initrd.Path, "--max-instructions", "1");
        Assert.Equal(4, fits.ExitCode);
        Launch.With("run", "--memory", "4M", "--kernel", kernel.Path, "--initrd", oneByteMore.Path).ShouldRefuse("memory too small");
    }

    [Fact]
    public void An_initrd_that_is_missing_or_empty()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        Launch.With("run", "--kernel", kernel.Path, "--initrd", "/no/such/initrd").ShouldRefuse("initrd /no/such/initrd: no such file");
        using var empty = new TemporaryFile([]);
        Launch.With("run", "--kernel", kernel.Path, "--initrd", empty.Path).ShouldRefuse("is empty");
    }

    [Fact]
    public void Too_little_memory()
    {
        Launch.With("run", "--memory", "1M").ShouldRefuse("--memory 1M: a Guest needs at least 2 MiB");
        using var kernel = new TemporaryFile(new ElfBuilder { Entry = 0x1000000 }.Segment(0x1000000, [1]).Build());
        Launch.With("run", "--memory", "16M", "--kernel", kernel.Path).ShouldRefuse("memory too small: this kernel needs 17 MiB, the Guest has 16 MiB");
    }

    [Fact]
    public void A_command_line_that_no_kernel_takes()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        Launch.With("run", "--kernel", kernel.Path, "--append", new string('a', 2048)).ShouldRefuse("2048 bytes");
        Launch.With("run", "--kernel", kernel.Path, "--append", "a\0b").ShouldRefuse("has a NUL in it");
        Launch.With("run", "--append", new string('a', 2048)).ShouldRefuse("2048 bytes");
    }

    [Fact]
    public void Symbols_that_are_none()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        Launch.With("run", "--kernel", kernel.Path, "--symbols", "/no/such/map").ShouldRefuse("symbol file /no/such/map: no such file");
        Launch.With("run", "--kernel", kernel.Path, "--symbols", kernel.Path).ShouldRefuse("holds no symbols");
    }

    [Fact]
    public void An_engine_an_optimisation_or_a_size_that_there_is_not()
    {
        Launch.With("run", "--engine", "warp").ShouldRefuse("there are interpreter and jit");
        Launch.With("run", "--opt", "-speed-of-light").ShouldRefuse("there is no such optimisation");
        Launch.With("run", "--code-cache", "12K").ShouldRefuse("not a size from 1M to 2G");
        Launch.With("run", "--jit-threshold", "-1").ShouldRefuse("not a number from 0 up");
    }
}
