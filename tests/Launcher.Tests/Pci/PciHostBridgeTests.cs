using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Pci;

public sealed class PciHostBridgeTests : IDisposable
{
    private readonly ConsoleMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(0x64, 1, 1u)]
    [InlineData(0x42, 1, 0u)]
    [InlineData(0x21, 1, 0xFFu)]
    [InlineData(0x3FD, 1, 0xFFu)]
    [InlineData(0x71, 1, 0xFFu)]
    [InlineData(0x61, 1, 0xFFu)]
    [InlineData(0x1234, 2, 0xFFFFu)]
    [InlineData(0xFFFF, 4, 0xFFFFFFFFu)]
    [InlineData(0xCF7, 4, 0xFFFFFFFFu)]
    [InlineData(0xD00, 4, 0xFFFFFFFFu)]
    public void Ports_read_as_the_ABI_sheet_says(ushort port, int size, uint expected) => Assert.Equal(expected, _machine.Ports.In(port, size));

    [Fact]
    public void The_address_latch_is_merged_and_read_by_width()
    {
        _machine.Ports.Out(0xCF8, 4, 0x80001234);
        Assert.Equal(0x80001234u, _machine.Ports.In(0xCF8, 4));
        _machine.Ports.Out(0xCFB, 1, 0x01);
        Assert.Equal(0x01001234u, _machine.Ports.In(0xCF8, 4));
        _machine.Ports.Out(0xCF9, 2, 0xABCD);
        Assert.Equal(0x01ABCD34u, _machine.Ports.In(0xCF8, 4));
        Assert.Equal(0x01ABu, _machine.Ports.In(0xCFA, 2));
        Assert.Equal(0xCDu, _machine.Ports.In(0xCF9, 1));
        _machine.Ports.Out(0xCFA, 4, 0x55667788);
        Assert.Equal(0x7788CD34u, _machine.Ports.In(0xCF8, 4));
    }

    [Fact]
    public void Pci_sanity_check_finds_a_host_bridge_in_slot_0_that_is_not_enumerated()
    {
        Assert.Equal(0x06000000u, Config(0, 0x08));
        Assert.Equal(0u, Config(0, 0x00));
        _machine.Ports.Out(0xCF8, 4, 0x8000000A);
        Assert.Equal(0x0600u, _machine.Ports.In(0xCFE, 2));
    }

    [Theory]
    [InlineData(0x80000800u, true)]
    [InlineData(0x00000800u, false)] // not enabled
    [InlineData(0x80010800u, false)] // bus 1
    [InlineData(0x80000900u, false)] // function 1
    [InlineData(0x80001000u, false)] // slot 2
    [InlineData(0x8000F800u, false)] // slot 31
    [InlineData(0x80000894u, true)] // the last dword
    [InlineData(0x80000898u, false)] // one more
    [InlineData(0x800008FCu, false)]
    [InlineData(0x80000803u, true)] // bits 0 and 1 are ignored
    [InlineData(0xFF000800u, true)] // reserved bits are ignored
    public void A_device_answers_iff_it_exists(uint address, bool exists)
    {
        _machine.Ports.Out(0xCF8, 4, address);
        Assert.Equal(!exists, _machine.Ports.In(0xCFC, 4) == uint.MaxValue);
    }

    [Fact]
    public void Narrow_reads_come_from_their_place_in_the_dword()
    {
        _machine.Ports.Out(0xCF8, 4, 0x80000800);
        Assert.Equal(0x10431AF4u, _machine.Ports.In(0xCFC, 4));
        Assert.Equal(0x1043u, _machine.Ports.In(0xCFE, 2));
        Assert.Equal(0x431Au, _machine.Ports.In(0xCFD, 2));
        Assert.Equal(0x10u, _machine.Ports.In(0xCFF, 1));
    }

    [Fact]
    public void Any_access_of_any_width_to_any_port_is_survived()
    {
        var random = new Random(0xCF8);
        int[] sizes = [1, 2, 4];
        _machine.Sink.Discard = true;
        for (int i = 0; i < 100_000; i++)
        {
            ushort port = (ushort)(random.Next(2) == 0 ? random.Next(0x10000) : random.Next(0xCF8, 0xD00));
            int size = sizes[random.Next(3)];
            uint value = random.Next(2) == 0 ? (uint)random.NextInt64() : 0x80000800u | (uint)random.Next(0x98);
            if (random.Next(2) == 0)
            {
                _machine.Ports.Out(port, size, value);
            }
            else
            {
                _ = _machine.Ports.In(port, size);
            }
        }

        Assert.Equal(0x10431AF4u, Config(1, 0));
    }

    [Fact]
    public void A_byte_to_port_F4_is_the_exit_status()
    {
        Assert.Null(_machine.Ports.ExitStatus);
        _machine.Ports.Out(0xF4, 4, 7);
        _machine.Ports.Out(0xF4, 2, 7);
        Assert.Null(_machine.Ports.ExitStatus);
        _machine.Ports.Out(0xF4, 1, 0);
        Assert.Equal((byte)0, _machine.Ports.ExitStatus);
        _machine.Ports.Out(0xF4, 1, 200);
        Assert.Equal((byte)200, _machine.Ports.ExitStatus);
    }

    [Fact]
    public void The_decompressors_serial_text_is_captured_and_its_baud_rate_is_not()
    {
        // early_serial_init: 8n1, no interrupts, no FIFO, DTR+RTS, then the divisor behind DLAB.
        (ushort Port, uint Value)[] setup =
            [(0x3FB, 3), (0x3F9, 0), (0x3FA, 0), (0x3FC, 3), (0x3FB, 0x83), (0x3F8, 12), (0x3F9, 0), (0x3FB, 3)];
        foreach ((ushort port, uint value) in setup)
        {
            _machine.Ports.Out(port, 1, value);
        }

        foreach (char c in "Decompressing")
        {
            Assert.Equal(0x20u, _machine.Ports.In(0x3FD, 1) & 0x20);
            _machine.Ports.Out(0x3F8, 1, c);
        }

        Assert.Equal("Decompressing", _machine.Sink.Text);
    }

    private uint Config(uint slot, uint offset)
    {
        _machine.Ports.Out(0xCF8, 4, 0x80000000 | (slot << 11) | offset);
        return _machine.Ports.In(0xCFC, 4);
    }
}
