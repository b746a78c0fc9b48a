namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>The forms of one group, in order, under distinct names.</summary>
internal sealed class FormSet
{
    private readonly HashSet<string> _names = [];
    private readonly List<SiliconForm> _forms = [];

    public IReadOnlyList<SiliconForm> Forms => _forms;

    public SiliconForm Add(string name, int size, Action<SiliconEncoder> encode)
    {
        if (!_names.Add(name))
        {
            throw new ArgumentException($"Two forms are called '{name}'.", nameof(name));
        }

        var form = new SiliconForm { Name = name, Size = size, Encode = encode };
        _forms.Add(form);
        return form;
    }
}
