using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Pci;

public sealed class PciDeviceTests : IDisposable
{
    private readonly ConsoleMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(0x00, 0x10431AF4u)] // virtio console
    [InlineData(0x04, 0x00100000u)] // capability list
    [InlineData(0x08, 0x07000001u)] // class 0x0700, revision 1
    [InlineData(0x0C, 0u)]
    [InlineData(0x14, 0u)]
    [InlineData(0x2C, 0x00400000u)]
    [InlineData(0x30, 0u)]
    [InlineData(0x34, 0x40u)]
    [InlineData(0x38, 0u)]
    [InlineData(0x3C, 1u)] // line 1, pin 0
    [InlineData(0x40, 0x01105009u)] // common
    [InlineData(0x48, 0u)]
    [InlineData(0x4C, 56u)]
    [InlineData(0x50, 0x02146409u)] // notify
    [InlineData(0x58, 56u)]
    [InlineData(0x5C, 2u)]
    [InlineData(0x60, 0u)]
    [InlineData(0x64, 0x03108409u)] // isr
    [InlineData(0x6C, 58u)]
    [InlineData(0x70, 1u)]
    [InlineData(0x74, 0x04100009u)] // device
    [InlineData(0x7C, 60u)]
    [InlineData(0x80, 12u)]
    [InlineData(0x84, 0x05147409u)] // access window
    [InlineData(0x88, 0u)]
    [InlineData(0x8C, 0u)]
    [InlineData(0x90, 0u)]
    [InlineData(0x94, 0u)] // an idle window: lguest's Launcher died of this read
    public void Configuration_space_is_that_of_the_ABI_sheet(int offset, uint expected) => Assert.Equal(expected, Read(offset));

    [Fact]
    public void BAR0_is_where_the_bus_has_the_registers()
    {
        Assert.Equal(0x00500000u, Read(0x10));
        Assert.True(_machine.Bus.Owns(0x00500000));
        Assert.True(_machine.Bus.Owns(0x0050007F));
        Assert.False(_machine.Bus.Owns(0x00500080));
    }

    [Fact]
    public void BAR0_can_be_sized_and_does_not_move()
    {
        Write(0x10, 4, 0xFFFFFFFF);
        Assert.Equal(0xFFFFFF80u, Read(0x10));
        Write(0x10, 4, 0x12345678);
        Assert.Equal(0x12345600u, Read(0x10));
        Assert.Equal(2u, _machine.Read(0x12, 2));
        Write(0x10, 1, 0xFF);
        Assert.Equal(0x12345680u, Read(0x10));
    }

    [Theory]
    [InlineData(0x14)]
    [InlineData(0x18)]
    [InlineData(0x1C)]
    [InlineData(0x20)]
    [InlineData(0x24)]
    [InlineData(0x28)]
    public void Other_BARs_keep_what_is_written_so_that_sizing_finds_none(int offset)
    {
        Write(offset, 4, 0xFFFFFFFF);
        Assert.Equal(0xFFFFFFFFu, Read(offset));
        Write(offset, 4, 0);
        Assert.Equal(0u, Read(offset));
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x04)]
    [InlineData(0x08)]
    [InlineData(0x2C)]
    [InlineData(0x30)]
    [InlineData(0x34)]
    [InlineData(0x38)]
    [InlineData(0x3C)]
    [InlineData(0x40)]
    [InlineData(0x50)]
    [InlineData(0x58)]
    [InlineData(0x64)]
    [InlineData(0x74)]
    [InlineData(0x84)]
    public void Refused_writes_change_nothing(int offset)
    {
        uint before = Read(offset);
        foreach (int size in new[] { 1, 2, 4 })
        {
            Write(offset, size, 0xFFFFFFFF);
            Assert.Equal(before, Read(offset));
        }
    }

    [Fact]
    public void Cache_line_and_latency_are_stored_header_type_and_BIST_are_not()
    {
        Write(0x0D, 1, 0x40);
        Assert.Equal(0x4000u, Read(0x0C));
        Write(0x0C, 2, 0x1234);
        Assert.Equal(0x1234u, Read(0x0C));
        Write(0x0C, 4, 0xFFFFFFFF);
        Assert.Equal(0xFFFFu, Read(0x0C));
        Write(0x0E, 1, 0x80);
        Assert.Equal(0xFFFFu, Read(0x0C));
    }

    [Fact]
    public void Early_put_chars_finds_its_way_and_prints()
    {
        // arch/x86/lguest/boot.c: probe slot 1, walk the capabilities, then four address/data pairs per character.
        Assert.Equal(0x10431AF4u, Read(0));
        int device = 0;
        int window = 0;
        int at = Byte(0x34);
        for (int steps = 0; at != 0; steps++)
        {
            Assert.InRange(steps, 0, 10);
            Assert.Equal(9, Byte(at));
            if (Byte(at + 3) == 4)
            {
                Assert.Equal(0, Byte(at + 4));
                Assert.True(Read(at + 12) >= 12);
                device = (int)Read(at + 8);
            }
            else if (Byte(at + 3) == 5)
            {
                window = at;
            }

            at = Byte(at + 1);
        }

        Assert.Equal((60, 0x84), (device, window));
        foreach (char c in "lguest: Console via virtio-pci emerg_wr\n")
        {
            Write(0x88, 1, 0);
            Write(0x90, 4, 4);
            Write(0x8C, 4, (uint)device + 8);
            Write(0x94, 4, c);
        }

        Assert.Equal("lguest: Console via virtio-pci emerg_wr\n", _machine.Sink.Text);
    }

    [Fact]
    public void The_window_reads_and_writes_registers_of_BAR0()
    {
        Window(0x14, 1);
        Write(0x94, 4, 1);
        Assert.Equal(1u, Read(0x94));
        Assert.Equal(1u, _machine.Read(0x14, 1));
        Window(0x12, 2);
        Assert.Equal(2u, Read(0x94));
        Window(0x18, 2);
        Assert.Equal(256u, Read(0x94));
        Window(0, 4);
        Write(0x94, 2, 1);
        Assert.Equal(1u, _machine.Read(0, 4));
    }

    [Theory]
    [InlineData(0u, 0u, 0u)]
    [InlineData(0u, 0x44u, 3u)]
    [InlineData(0u, 0x44u, 8u)]
    [InlineData(0u, 0x44u, 0x80000004u)]
    [InlineData(0u, 0x46u, 4u)]
    [InlineData(0u, 0x80u, 4u)]
    [InlineData(0u, 0xFFFFFFFCu, 4u)]
    [InlineData(1u, 0x44u, 4u)]
    public void An_invalid_window_reads_0_and_writes_nothing(uint bar, uint offset, uint length)
    {
        Write(0x88, 1, bar);
        Window(offset, length);
        Write(0x94, 4, 'X');
        Assert.Equal(0u, Read(0x94));
        Assert.Equal("", _machine.Sink.Text);
        Assert.Equal(0u, _machine.Read(0x14, 1));
    }

    [Fact]
    public void A_device_without_configuration_has_no_device_capability()
    {
        var device = new PciDevice(4, 0xFF00, 3, new Region(64), 0x1000, deviceConfigSize: 0);
        Assert.Equal(0x05140009u, device.ReadConfig(0x84));
        Assert.Equal(0x10441AF4u, device.ReadConfig(0));
        Assert.Equal(0xFF000001u, device.ReadConfig(8));
        Assert.Equal(3u, device.ReadConfig(0x3C));
    }

    [Fact]
    public void A_BAR_that_is_not_aligned_to_its_size_is_our_own_mistake()
    {
        Assert.Throws<ArgumentException>(() => new PciDevice(4, 0, 3, new Region(64), 0x1020, 0));
        Assert.Throws<ArgumentException>(() => new PciDevice(4, 0, 3, new Region(60), 0x1000, 0));
    }

    private int Byte(int offset)
    {
        Select(offset);
        return (int)_machine.Ports.In((ushort)(0xCFC + (offset & 3)), 1);
    }

    private uint Read(int offset)
    {
        Select(offset);
        return _machine.Ports.In(0xCFC, 4);
    }

    private void Write(int offset, int size, uint value)
    {
        Select(offset);
        _machine.Ports.Out((ushort)(0xCFC + (offset & 3)), size, value);
    }

    private void Window(uint offset, uint length)
    {
        Write(0x8C, 4, offset);
        Write(0x90, 4, length);
    }

    private void Select(int offset) => _machine.Ports.Out(0xCF8, 4, 0x80000800 | (uint)(offset & 0xFC));

    private sealed record Region(uint Size) : IBarRegion
    {
        public uint Read(uint offset, int size) => 0;

        public void Write(uint offset, int size, uint value)
        {
            // Nothing listens.
        }
    }
}
