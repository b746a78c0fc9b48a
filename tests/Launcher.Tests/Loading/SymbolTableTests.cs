using System.Text;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Loading;

public class SymbolTableTests
{
    private const string Map = """
        00000000 A VDSO32_PRELINK
        c1000000 T _text
        c1000000 T startup_32
        c1000100 t helper
        c1300000 D jiffies
        this is no line of a map
        c13zz000 D broken
        c1300004 d more data here
        """;

    [Fact]
    public void A_System_map_names_addresses_with_offsets()
    {
        SymbolTable table = Load(Map);
        Assert.Equal(4, table.Count);
        Assert.Equal("_text", table.Describe(0xC1000000));
        Assert.Equal("_text+0xff", table.Describe(0xC10000FF));
        Assert.Equal("helper", table.Describe(0xC1000100));
        Assert.Equal("jiffies+0x10", table.Describe(0xC1300010));
        Assert.Equal("", table.Describe(0xC0FFFFFF));
        Assert.Equal("", table.Describe(0xD0000000));
    }

    [Fact]
    public void Only_code_is_text()
    {
        SymbolTable table = Load(Map);
        Assert.True(table.IsText(0xC1000010));
        Assert.True(table.IsText(0xC1000110));
        Assert.False(table.IsText(0xC1300000));
        Assert.False(table.IsText(0x00000010));
    }

    [Fact]
    public void Physical_addresses_of_the_early_boot_are_named_and_marked()
    {
        SymbolTable table = Load(Map);
        Assert.Equal("(pa) _text+0x10", table.DescribePhysical(0x01000010));
        Assert.Equal("helper", table.DescribePhysical(0xC1000100));
        Assert.Equal("", table.DescribePhysical(0x00001000));
    }

    [Fact]
    public void A_vmlinux_names_addresses_by_its_symtab()
    {
        byte[] image = new ElfBuilder().Segment(0x100000, [0x90, 0x90])
            .Symbol("kernel_start", 0xC0100000).Symbol("nasty\u001b[31m", 0xC0100010).Symbol("data", 0xC0200000, text: false).Build();
        using var file = new TemporaryFile(image);
        SymbolTable table = SymbolTable.Load(file.Path);
        Assert.Equal("kernel_start+0x1", table.Describe(0xC0100001));
        Assert.Equal("nasty?[31m", table.Describe(0xC0100010));
        Assert.True(table.IsText(0xC0100001));
        Assert.False(table.IsText(0xC0200000));
        Assert.Equal(3, SymbolTable.FromKernel(file.Path).Count);
    }

    [Fact]
    public void A_kernel_without_symbols_or_gone_has_an_empty_table()
    {
        using var file = new TemporaryFile(new BzImageBuilder().Build());
        Assert.Equal(0, SymbolTable.FromKernel(file.Path).Count);
        Assert.Equal(0, SymbolTable.FromKernel("/no/such/file").Count);
    }

    [Fact]
    public void A_damaged_symtab_is_no_accident()
    {
        byte[] good = new ElfBuilder().Segment(0x100000, [0x90, 0x90]).Symbol("a", 0xC0100000).Symbol("b", 0xC0100010).Build();
        var random = new Random(4119);
        for (int i = 0; i < 600; i++)
        {
            byte[] image = [.. good];
            for (int changes = random.Next(1, 8); changes > 0; changes--)
            {
                image[random.Next(2) == 0 ? random.Next(28, 52) : random.Next(86, image.Length)] = (byte)random.Next(256);
            }

            using var file = new TemporaryFile(image);
            Assert.InRange(SymbolTable.FromKernel(file.Path).Count, 0, 100);
        }
    }

    private static SymbolTable Load(string map)
    {
        using var file = new TemporaryFile(Encoding.ASCII.GetBytes(map));
        return SymbolTable.Load(file.Path);
    }
}
