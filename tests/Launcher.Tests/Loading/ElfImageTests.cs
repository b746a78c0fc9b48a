using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Loading;

public class ElfImageTests
{
    private const uint RamSize = 8 << 20;

    [Fact]
    public void Segments_go_to_their_physical_addresses_and_the_entry_is_physical()
    {
        byte[] image = new ElfBuilder { Entry = 0x200004 }.Segment(0x100000, [1, 2, 3, 4]).Segment(0x200000, [5, 6, 7, 8, 9], 0x3000).Build();
        using var ram = new GuestRam(RamSize);
        LoadedKernel kernel = Load(ram, image);
        Assert.Equal(new LoadedKernel("vmlinux", 0x200004, 0x203000), kernel);
        Assert.Equal([1, 2, 3, 4, 0], ram.Window(0x100000, 5).ToArray());
        Assert.Equal([5, 6, 7, 8, 9, 0], ram.Window(0x200000, 6).ToArray());
    }

    [Fact]
    public void A_segment_may_end_with_the_last_byte_of_ram_and_not_one_later()
    {
        byte[] fits = new ElfBuilder { Entry = RamSize - 4 }.Segment(RamSize - 4, [1, 2, 3, 4]).Build();
        using var ram = new GuestRam(RamSize);
        Assert.Equal(RamSize, Load(ram, fits).End);
        Refuses(new ElfBuilder { Entry = RamSize - 4 }.Segment(RamSize - 4, [1, 2, 3, 4, 5]), "memory too small");
        Refuses(new ElfBuilder { Entry = RamSize - 4 }.Segment(RamSize - 4, [1, 2, 3, 4], 0x2000), "memory too small");
    }

    [Fact]
    public void A_64_bit_kernel_is_named_as_such()
    {
        Refuses(new ElfBuilder { Class = 2, Machine = 62 }.Segment(0x100000, [1]), "64-bit kernel");
        Refuses(new ElfBuilder { Machine = 62 }.Segment(0x100000, [1]), "64-bit kernel");
    }

    [Fact]
    public void Files_that_are_no_32_bit_x86_executables_are_refused()
    {
        Refuses(new ElfBuilder { Machine = 40 }.Segment(0x100000, [1]), "not a 32-bit x86 kernel");
        Refuses(new ElfBuilder { Endian = 2 }.Segment(0x100000, [1]), "not a 32-bit x86 kernel");
        Refuses(new ElfBuilder { Class = 7 }.Segment(0x100000, [1]), "not a 32-bit x86 kernel");
        Refuses(new ElfBuilder { Type = 1 }.Segment(0x100000, [1]), "not an executable one");
        Refuses(new ElfBuilder { Type = 3 }.Segment(0x100000, [1]), "not an executable one");
    }

    [Fact]
    public void Program_headers_must_have_the_right_size_and_number()
    {
        Refuses(new ElfBuilder { ProgramHeaderSize = 56 }.Segment(0x100000, [1]), "program headers");
        Refuses(new ElfBuilder { ProgramHeaderCount = 0 }.Segment(0x100000, [1]), "program headers");
        Refuses(new ElfBuilder { ProgramHeaderCount = 2049 }.Segment(0x100000, [1]), "program headers");
        Refuses(new ElfBuilder { ProgramHeaderCount = 2048 }.Segment(0x100000, [1]), "truncated kernel");
    }

    [Fact]
    public void An_executable_with_nothing_to_load_is_no_kernel() =>
        Refuses(new ElfBuilder().Segment(0x100000, []), "nothing to load");

    [Fact]
    public void Overlapping_segments_are_refused_and_touching_ones_are_not()
    {
        Refuses(new ElfBuilder().Segment(0x100000, new byte[16]).Segment(0x10000F, new byte[16]), "segments overlap at 0x10000f");
        Refuses(new ElfBuilder().Segment(0x100000, new byte[16]).Segment(0x0FFFF8, new byte[64]), "segments overlap");
        using var ram = new GuestRam(RamSize);
        _ = Load(ram, new ElfBuilder().Segment(0x100000, new byte[16]).Segment(0x100010, new byte[16]).Build());
    }

    [Fact]
    public void Segments_outside_what_a_kernel_may_use_are_refused()
    {
        Refuses(new ElfBuilder { Entry = 0x1FFF }.Segment(0x1FFF, new byte[16]), "boot parameters");
        Refuses(new ElfBuilder { Entry = 0xFFFFF000 }.Segment(0xFFFFF000, new byte[0x2000]), "32-bit address space");
        Refuses(new ElfBuilder { Entry = 0xFFFFF000 }.Segment(0xFFFFF000, new byte[0x800]), "memory too small");
        Refuses(new ElfBuilder().Segment(0x100000, new byte[16], memorySize: 15), "larger in the file");
    }

    [Fact]
    public void The_entry_point_must_lie_in_a_segment()
    {
        Refuses(new ElfBuilder { Entry = 0x0FFFFF }.Segment(0x100000, new byte[16]), "entry point 0xfffff");
        Refuses(new ElfBuilder { Entry = 0x100010 }.Segment(0x100000, new byte[16]), "entry point 0x100010");
    }

    [Fact]
    public void A_segment_that_points_beyond_the_file_is_a_truncated_kernel()
    {
        Refuses(new ElfBuilder { OffsetError = 1 }.Segment(0x100000, new byte[16]), "truncated kernel");
        Refuses(new ElfBuilder { OffsetError = 0xFFFFFF00 }.Segment(0x100000, new byte[16]), "truncated kernel");
    }

    [Fact]
    public void Cut_off_anywhere_it_is_refused_in_one_line()
    {
        byte[] image = new ElfBuilder().Segment(0x100000, new byte[16]).Segment(0x200000, new byte[16]).Build();
        for (int length = 4; length < image.Length; length++)
        {
            Assert.Contains("truncated kernel", Refuses(image.AsSpan(0, length)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Any_bytes_after_the_magic_load_or_are_refused_and_nothing_else()
    {
        var random = new Random(20151122);
        byte[] good = new ElfBuilder().Segment(0x100000, new byte[64]).Segment(0x200000, new byte[64]).Build();
        using var ram = new GuestRam(RamSize);
        int refused = 0;
        for (int i = 0; i < 600; i++)
        {
            byte[] image = [.. good];
            for (int changes = random.Next(1, 8); changes > 0; changes--)
            {
                image[random.Next(4, 52 + 64)] = (byte)random.Next(256);
            }

            using var file = new TemporaryFile(image);
            try
            {
                _ = KernelLoader.Load(ram, file.Path, null, "");
            }
            catch (LoadException e)
            {
                refused++;
                Assert.DoesNotContain('\n', e.Message);
            }
        }

        Assert.InRange(refused, 200, 600);
    }

    private static LoadedKernel Load(GuestRam ram, ReadOnlySpan<byte> image)
    {
        using var file = new TemporaryFile(image);
        return KernelLoader.Load(ram, file.Path, null, "");
    }

    private static void Refuses(ElfBuilder image, string words) => Assert.Contains(words, Refuses(image.Build()).Message, StringComparison.Ordinal);

    private static LoadException Refuses(ReadOnlySpan<byte> image)
    {
        using var ram = new GuestRam(RamSize);
        using var file = new TemporaryFile(image);
        return Assert.Throws<LoadException>(() => KernelLoader.Load(ram, file.Path, null, ""));
    }
}
