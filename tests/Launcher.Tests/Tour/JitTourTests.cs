using System.Text;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Tests.Tour;

/// <summary>The embedded Guest sees no difference between the engines, whichever optimisation is missing.</summary>
public sealed class JitTourTests
{
    private const long Limit = 3_000_000_000;

    private static readonly Lazy<string> s_interpreted = new(static () => Take(static machine => new InterpreterEngine(machine)));

    public static TheoryData<uint, string> Configurations()
    {
        // Everything is compiled in each of these, which takes its time: all optimisations missing at once is for every day.
        string[] names = [.. Optimisations.ByName.Keys.Select(static name => "-" + name)];
        var data = new TheoryData<uint, string> { { 0, "" }, { 20, "" }, { 0, string.Join(' ', names) } };
        if (Soak.IsOn)
        {
            foreach (string name in names)
            {
                data.Add(0, name);
                data.Add(20, name);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Configurations))]
    public void The_tour_on_translated_code_prints_what_it_prints_interpreted(uint threshold, string options)
    {
        var optimisations = new Optimisations();
        Assert.All(options.Split(' ', StringSplitOptions.RemoveEmptyEntries), option => Assert.True(optimisations.TrySet(option)));
        string output = Take(machine => new TieredEngine(machine, threshold, optimisations: optimisations));
        Assert.EndsWith(" steps\n", output, StringComparison.Ordinal);
        Assert.Equal(s_interpreted.Value, output);
    }

    /// <summary>By default traps are delivered directly.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tour_is_the_same_when_the_switcher_delivers_all_traps(bool jit)
    {
        string output = Take(machine => jit ? new TieredEngine(machine, threshold: 20) : new InterpreterEngine(machine), directTraps: false);
        Assert.Equal(s_interpreted.Value, output);
    }

    private static string Take(Func<GuestMachine, IExecutionEngine> makeEngine, bool directTraps = true)
    {
        using var machine = new GuestMachine(16 << 20, new HostClock());
        LoadedKernel kernel = TourGuest.Load(machine.Ram);
        var output = new Output();
        using var complaints = new StringWriter();
        var devices = new MachineDevices(machine, output, new ConsoleInputQueue(), new DeviceLog(complaints));
        using IExecutionEngine engine = makeEngine(machine);
        using var guest = new LguestGuest(machine, engine, devices.Ports, new GuestOptions { MaxInstructions = Limit, DirectTraps = directTraps });
        devices.Connect(guest, guest.Knock);
        guest.Start(kernel.Entry);
        Assert.Equal(GuestEndKind.PoweredOff, guest.Run().Kind);
        Assert.Empty(complaints.ToString());
        return output.ToString();
    }

    private sealed class Output : IConsoleSink
    {
        private readonly StringBuilder _text = new();

        public bool Write(ReadOnlySpan<byte> bytes)
        {
            _text.Append(Encoding.ASCII.GetString(bytes));
            return true;
        }

        public override string ToString() => _text.ToString();
    }
}
