using System.Buffers.Binary;
using System.Text;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Loading;

public class BootParametersTests
{
    private const uint RamSize = 8 << 20;

    [Fact]
    public void The_zero_page_has_lguests_fields_and_zeros()
    {
        using var ram = new GuestRam(RamSize);
        BootParameters.Write(ram, "quiet", 0, 0);
        byte[] page = ram.Window(0, 4096).ToArray();
        byte[] expected = new byte[4096];
        expected[0x1E8] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(expected.AsSpan(0x2D8), RamSize);
        expected[0x2E0] = 1;
        expected[0x206] = 0x07;
        expected[0x207] = 0x02;
        expected[0x211] = 0x40;
        expected[0x229] = 0x10;
        expected[0x233] = 0x01;
        expected[0x23C] = 1;
        Assert.Equal(expected, page);
        Assert.Equal("quiet\0", Encoding.ASCII.GetString(ram.Window(0x1000, 6)));
    }

    [Fact]
    public void An_initrd_ends_with_ram_and_is_announced_with_whole_pages()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        using var initrd = new TemporaryFile([.. Enumerable.Repeat((byte)0x5A, 5000)]);
        using var ram = new GuestRam(RamSize);
        _ = KernelLoader.Load(ram, kernel.Path, initrd.Path, "");
        Assert.Equal(RamSize - 8192, Word(ram, 0x218));
        Assert.Equal(8192u, Word(ram, 0x21C));
        Assert.Equal(0xFF, ram.Window(0x210, 1)[0]);
        ReadOnlySpan<byte> placed = ram.Window(RamSize - 8192, 8192);
        Assert.True(placed[..5000].IndexOfAnyExcept((byte)0x5A) < 0);
        Assert.True(placed[5000..].IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(0, ram.Window(RamSize - 8193, 1)[0]);
    }

    [Fact]
    public void In_a_large_Guest_the_initrd_stays_in_the_kernels_linear_mapping()
    {
        using var kernel = new TemporaryFile(new ElfBuilder().Segment(0x100000, [0xEB, 0xFE]).Build());
        using var initrd = new TemporaryFile([1]);
        using var ram = new GuestRam(2u << 30);
        _ = KernelLoader.Load(ram, kernel.Path, initrd.Path, "");
        Assert.Equal((768u << 20) - 4096, Word(ram, 0x218));
    }

    [Theory]
    [InlineData(2047, true)]
    [InlineData(2048, false)]
    public void A_command_line_has_at_most_2047_bytes(int length, bool accepted)
    {
        Assert.Equal(accepted, BootParameters.Complaint(new string('a', length)) is null);
        Assert.Equal(accepted, BootParameters.Complaint("ü" + new string('a', length - 2)) is null);
    }

    [Fact]
    public void A_longest_command_line_is_still_terminated()
    {
        using var ram = new GuestRam(RamSize);
        ram.Window(0x1000, 4096).Fill(0xFF);
        BootParameters.Write(ram, new string('x', 2047), 0, 0);
        Assert.Equal((byte)'x', ram.Window(0x17FE, 1)[0]);
        Assert.Equal(0, ram.Window(0x17FF, 1)[0]);
    }

    [Fact]
    public void The_embedded_Guest_goes_where_it_wants_to_if_there_is_room()
    {
        using var ram = new GuestRam(RamSize);
        LoadedKernel kernel = KernelLoader.LoadEmbedded(ram, [1, 2, 3], 0x300000, 0x300001, "x");
        Assert.Equal(new LoadedKernel("embedded", 0x300001, 0x300003), kernel);
        Assert.Equal([1, 2, 3], ram.Window(0x300000, 3).ToArray());
        Assert.Equal((byte)'x', ram.Window(0x1000, 1)[0]);
        Assert.Throws<LoadException>(() => KernelLoader.LoadEmbedded(ram, [1, 2, 3], RamSize - 2, RamSize - 2, ""));
    }

    private static uint Word(GuestRam ram, uint address) => BinaryPrimitives.ReadUInt32LittleEndian(ram.Window(address, 4));
}
