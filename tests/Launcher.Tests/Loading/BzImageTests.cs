using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Loading;

public class BzImageTests
{
    private const uint RamSize = 32 << 20;

    [Fact]
    public void The_protected_mode_part_goes_to_1_MiB_and_starts_where_the_header_says()
    {
        using var ram = new GuestRam(RamSize);
        byte[] payload = [.. Enumerable.Range(1, 48).Select(static i => (byte)i)];
        LoadedKernel kernel = Load(ram, new BzImageBuilder { Payload = payload, Entry = 0x100020 });
        Assert.Equal(("bzImage", 0x100020u), (kernel.Format, kernel.Entry));
        Assert.Equal(payload, ram.Window(0x100000, 48).ToArray());
        Assert.Equal(0, ram.Window(0xFFFFF, 1)[0]);
        Assert.Equal(0, ram.Window(0x100030, 1)[0]);
    }

    [Fact]
    public void Setup_sects_0_means_4()
    {
        using var ram = new GuestRam(RamSize);
        _ = Load(ram, new BzImageBuilder { SetupSectors = 4, SetupSectorsField = 0 });
        Assert.Equal(0xEB, ram.Window(0x10000E, 1)[0]);
    }

    [Theory]
    [InlineData(true, 0x1000000UL, 0x1100000u)]
    [InlineData(true, 0x400000UL, 0x1100000u)]
    [InlineData(false, 0x400000UL, 0x500000u)]
    [InlineData(true, 0x1800000UL, 0x1900000u)]
    public void The_room_it_unpacks_into_counts(bool relocatable, ulong preferred, uint end)
    {
        using var ram = new GuestRam(RamSize);
        LoadedKernel kernel = Load(ram, new BzImageBuilder { Relocatable = relocatable, PreferredAddress = preferred });
        Assert.Equal(end, kernel.End);
    }

    [Fact]
    public void Memory_too_small_for_the_unpacked_kernel_is_refused()
    {
        Refuses(new BzImageBuilder { InitSize = RamSize }, "memory too small: this kernel needs 48 MiB, the Guest has 32 MiB");
        Refuses(new BzImageBuilder { PreferredAddress = ulong.MaxValue }, "memory too small");
        Refuses(new BzImageBuilder { PreferredAddress = ulong.MaxValue, Relocatable = false }, "memory too small");
    }

    [Fact]
    public void A_64_bit_kernel_is_named_as_such() => Refuses(new BzImageBuilder { ExtendedLoadFlags = 1 }, "64-bit kernel");

    [Fact]
    public void Old_protocols_and_low_kernels_are_refused()
    {
        Refuses(new BzImageBuilder { Version = 0x0203 }, "boot protocol 2.03");
        Refuses(new BzImageBuilder { LoadFlags = 0 }, "boot protocol");
    }

    [Theory]
    [InlineData(0xFFFFFu)]
    [InlineData(0x100010u)]
    [InlineData(0u)]
    public void The_entry_point_must_lie_in_it(uint entry) => Refuses(new BzImageBuilder { Entry = entry }, "entry point");

    [Fact]
    public void Cut_off_anywhere_it_is_refused()
    {
        Refuses(new BzImageBuilder { MissingParagraphs = 1 }, "truncated kernel (1040 of 1056 bytes)");
        Refuses(new BzImageBuilder { SetupSectorsField = 200 }, "truncated kernel");
        byte[] image = new BzImageBuilder().Build();
        for (int length = 0x206; length < image.Length; length += 3)
        {
            Refuses(image.AsSpan(0, length), "truncated kernel");
        }
    }

    private static LoadedKernel Load(GuestRam ram, BzImageBuilder image)
    {
        using var file = new TemporaryFile(image.Build());
        return KernelLoader.Load(ram, file.Path, null, "");
    }

    private static void Refuses(BzImageBuilder image, string words) => Refuses(image.Build(), words);

    private static void Refuses(ReadOnlySpan<byte> image, string words)
    {
        using var ram = new GuestRam(RamSize);
        using var file = new TemporaryFile(image);
        LoadException e = Assert.Throws<LoadException>(() => KernelLoader.Load(ram, file.Path, null, ""));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }
}
